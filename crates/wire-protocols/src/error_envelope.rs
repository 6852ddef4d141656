//! An error in the form of each protocol.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use wire_schema::{Document, Fault, OperationSchema, Protocol, ServiceError, ServiceSchema, StructureSchema};

use crate::body::Body;
use crate::cbor::CborWriter;
use crate::json::JsonWriter;
use crate::message::{json_type, respond};
use crate::xml::{ListStyle, XmlWriter};

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

/// What we say of a failure that no caller can do anything about, unless the service has words of its own.
const INTERNAL_MESSAGE: &str =
    "The request processing has failed because of an unknown error, exception or failure.";

/// Modelled errors that mean "we failed", in the order in which we look for them.
const INTERNAL_ERRORS: &[&str] =
    &["ServerException", "InternalServerException", "ServiceFailureException", "ServiceUnavailableException"];

/// Writes an error. `operation` is where the model's status and names come from, when the request got that
/// far.
pub fn encode_error(
    protocol: Protocol,
    service: &ServiceSchema,
    operation: Option<&OperationSchema>,
    request_id: &str,
    error: &ServiceError,
) -> Response<Body> {
    let public = Public::of(protocol, operation, error);
    let (content_type, body) = match protocol {
        Protocol::AwsJson1_0 | Protocol::AwsJson1_1 => (json_type(protocol), json_body(service, &public)),
        Protocol::RestJson1 => ("application/json", json_body(service, &public)),
        Protocol::RpcV2Cbor => ("application/cbor", cbor_body(service, &public)),
        Protocol::AwsQuery => ("text/xml", query_body(service, request_id, &public)),
        Protocol::Ec2Query => ("text/xml;charset=UTF-8", ec2_body(request_id, &public)),
        Protocol::RestXml if service.name == "s3" => ("application/xml", s3_body(request_id, &public)),
        Protocol::RestXml => ("application/xml", query_body(service, request_id, &public)),
    };
    let mut response = respond(public.status, protocol, service, request_id, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if protocol == Protocol::RestJson1
        && let Ok(code) = HeaderValue::from_str(public.code)
    {
        headers.insert(ERROR_TYPE, code);
    }
    if service.query_compatible && !matches!(protocol, Protocol::AwsQuery) {
        let blame = if public.fault == Fault::Caller { "Sender" } else { "Receiver" };
        if let Ok(value) = HeaderValue::try_from(format!("{};{blame}", public.code)) {
            headers.insert(QUERY_ERROR, value);
        }
    }
    response
}

/// An error as the caller sees it.
struct Public<'a> {
    code: &'a str,
    message: &'a str,
    status: StatusCode,
    fault: Fault,
    fields: &'a [(&'static str, Document)],
    schema: Option<&'static StructureSchema>,
}

impl<'a> Public<'a> {
    fn of(protocol: Protocol, operation: Option<&OperationSchema>, error: &'a ServiceError) -> Self {
        if error.code == ServiceError::INTERNAL && error.message.is_empty() {
            return Self::internal(protocol, operation);
        }
        let schema = operation.and_then(|operation| operation.error(&error.code));
        let traits = schema.and_then(|schema| schema.error);
        let status = error.status.or(traits.map(|traits| traits.status));
        let status =
            status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(match error.fault {
                Fault::Caller => StatusCode::BAD_REQUEST,
                Fault::Service => StatusCode::INTERNAL_SERVER_ERROR,
            });
        Self {
            code: &error.code,
            message: &error.message,
            status,
            fault: error.fault,
            fields: &error.fields,
            schema,
        }
    }

    fn internal(protocol: Protocol, operation: Option<&OperationSchema>) -> Self {
        let modelled =
            operation.and_then(|operation| INTERNAL_ERRORS.iter().find_map(|name| operation.error(name)));
        let traits = modelled.and_then(|schema| schema.error);
        let code = match (traits, protocol) {
            (Some(traits), _) => traits.code,
            (None, Protocol::Ec2Query | Protocol::RestXml) => "InternalError",
            (None, _) => ServiceError::INTERNAL,
        };
        let status = StatusCode::from_u16(traits.map_or(500, |traits| traits.status.max(500)));
        Self {
            code,
            message: if protocol == Protocol::Ec2Query {
                "An internal error has occurred"
            } else {
                INTERNAL_MESSAGE
            },
            status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            fault: Fault::Service,
            fields: &[],
            schema: modelled,
        }
    }

    fn blame(&self) -> &'static str {
        if self.fault == Fault::Caller { "Sender" } else { "Receiver" }
    }

    /// The name in `__type`: the shape's, where the code is kept for old query clients in a header.
    fn type_name(&self, service: &ServiceSchema) -> &str {
        match self.schema {
            Some(schema) if service.query_compatible => schema.name,
            _ => self.code,
        }
    }

    /// The model's spelling of `message`.
    fn message_name(&self) -> &'static str {
        let members = self.schema.map_or(&[][..], |schema| schema.members);
        members
            .iter()
            .find(|member| member.name.eq_ignore_ascii_case("message"))
            .map_or("message", |found| found.wire_name)
    }
}

fn json_body(service: &ServiceSchema, error: &Public<'_>) -> Vec<u8> {
    let mut json = JsonWriter::open();
    json.extra("__type", &Document::from(error.type_name(service)));
    for (name, value) in error.fields {
        json.extra(name, value);
    }
    json.extra(error.message_name(), &Document::from(error.message));
    json.close()
}

fn cbor_body(service: &ServiceSchema, error: &Public<'_>) -> Vec<u8> {
    let mut cbor = CborWriter::open();
    cbor.extra("__type", &Document::from(error.type_name(service)));
    for (name, value) in error.fields {
        cbor.extra(name, value);
    }
    cbor.extra(error.message_name(), &Document::from(error.message));
    cbor.close()
}

fn query_body(service: &ServiceSchema, request_id: &str, error: &Public<'_>) -> Vec<u8> {
    let mut xml = XmlWriter::new(ListStyle::Xml);
    xml.start("ErrorResponse", service.xml_namespace);
    xml.start("Error", None);
    xml.text_element("Type", error.blame());
    xml.text_element("Code", error.code);
    xml.text_element("Message", error.message);
    for (name, value) in error.fields {
        xml.document_element(name, value);
    }
    xml.end("Error");
    xml.text_element("RequestId", request_id);
    xml.end("ErrorResponse");
    xml.finish().into_bytes()
}

fn ec2_body(request_id: &str, error: &Public<'_>) -> Vec<u8> {
    let mut xml = XmlWriter::new(ListStyle::Ec2);
    xml.declaration();
    xml.start("Response", None);
    xml.start("Errors", None);
    xml.start("Error", None);
    xml.text_element("Code", error.code);
    xml.text_element("Message", error.message);
    xml.end("Error");
    xml.end("Errors");
    xml.text_element("RequestID", request_id);
    xml.end("Response");
    xml.finish().into_bytes()
}

/// S3 has no element around its error.
fn s3_body(request_id: &str, error: &Public<'_>) -> Vec<u8> {
    let mut xml = XmlWriter::new(ListStyle::Xml);
    xml.declaration();
    xml.start("Error", None);
    xml.text_element("Code", error.code);
    xml.text_element("Message", error.message);
    for (name, value) in error.fields {
        xml.document_element(name, value);
    }
    xml.text_element("RequestId", request_id);
    xml.end("Error");
    xml.finish().into_bytes()
}
