//! A request into an input shape, and an output shape into a response, in any of the protocols.

use bytes::Bytes;
use http::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use wire_schema::{
    DecodeError, DecodeErrorKind, Members, OperationSchema, Protocol, ServiceError, ServiceSchema,
};

use crate::body::Body;
use crate::cbor::{CborReader, CborWriter};
use crate::json::{JsonReader, JsonWriter};
use crate::query::{Dialect, Node, QueryReader};
use crate::rest;
use crate::xml::{ListStyle, XmlWriter};

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// S3's name of the same header.
pub const REQUEST_ID_S3: HeaderName = HeaderName::from_static("x-amz-request-id");
pub const SMITHY_PROTOCOL: HeaderName = HeaderName::from_static("smithy-protocol");
const RPC_V2_CBOR: HeaderValue = HeaderValue::from_static("rpc-v2-cbor");

/// Reads a request into `into`, which is the default of the operation's input.
pub fn decode_input(
    protocol: Protocol,
    operation: &'static OperationSchema,
    parts: &Parts,
    body: &Bytes,
    into: &mut dyn Members,
) -> Result<(), ServiceError> {
    let decoded = match protocol {
        Protocol::AwsJson1_0 | Protocol::AwsJson1_1 => JsonReader::read_body(body, into, false),
        Protocol::AwsQuery => decode_query(Dialect::Query, parts, body, into),
        Protocol::Ec2Query => decode_query(Dialect::Ec2, parts, body, into),
        Protocol::RestJson1 | Protocol::RestXml => rest::decode(protocol, operation, parts, body, into),
        Protocol::RpcV2Cbor => CborReader::read_body(body, into),
    };
    decoded.map_err(|error| refusal(protocol, error))
}

/// Parameters that belong to the request and not to its operation.
const COMMON_PARAMETERS: &[&str] = &[
    "Action",
    "Version",
    "AWSAccessKeyId",
    "Signature",
    "SignatureMethod",
    "SignatureVersion",
    "SecurityToken",
    "Timestamp",
];

fn decode_query(
    dialect: Dialect,
    parts: &Parts,
    body: &Bytes,
    into: &mut dyn Members,
) -> Result<(), DecodeError> {
    use wire_schema::ShapeReader;
    let body = std::str::from_utf8(body).map_err(|_| DecodeError::syntax("The body is not valid UTF-8"))?;
    let mut root = Node::parse(&[parts.uri.query().unwrap_or(""), body])?;
    root.children
        .retain(|name, _| !COMMON_PARAMETERS.contains(&name.as_str()) && !name.starts_with("X-Amz-"));
    let mut reader = QueryReader::new(&root, dialect);
    // EC2 is the one service that refuses what it does not know.
    if dialect == Dialect::Ec2
        && let Some(name) = reader.unknown(into.structure_schema())
    {
        return Err(DecodeError::new(
            DecodeErrorKind::Unknown,
            format!("The parameter {name} is not recognized"),
        ));
    }
    reader.structure(into.structure_schema(), into)
}

/// What AWS calls a message that it can't read, in each protocol.
fn refusal(protocol: Protocol, error: DecodeError) -> ServiceError {
    let code = match (protocol, error.kind) {
        (Protocol::AwsQuery, DecodeErrorKind::Syntax) => "MalformedQueryString",
        (Protocol::AwsQuery, _) => "MalformedInput",
        (Protocol::Ec2Query, DecodeErrorKind::Syntax) => "MalformedQueryString",
        (Protocol::Ec2Query, DecodeErrorKind::Unknown) => "UnknownParameter",
        (Protocol::Ec2Query, _) => "InvalidParameterValue",
        (Protocol::RestXml, DecodeErrorKind::Syntax) => "MalformedXML",
        (Protocol::RestXml, _) => "InvalidArgument",
        _ => "SerializationException",
    };
    ServiceError::caller(code, error.to_string())
}

/// Writes a success.
pub fn encode_output(
    protocol: Protocol,
    service: &ServiceSchema,
    operation: &OperationSchema,
    request_id: &str,
    output: &dyn Members,
) -> Response<Body> {
    let has_output = operation.output.is_some();
    let (content_type, body) = match protocol {
        // An operation without output answers with nothing at all.
        Protocol::AwsJson1_0 | Protocol::AwsJson1_1 if !has_output => (json_type(protocol), Vec::new()),
        Protocol::AwsJson1_0 | Protocol::AwsJson1_1 => (json_type(protocol), JsonWriter::write_body(output)),
        Protocol::AwsQuery => ("text/xml", query_body(service, operation, request_id, output)),
        Protocol::Ec2Query => ("text/xml;charset=UTF-8", ec2_body(service, operation, request_id, output)),
        Protocol::RpcV2Cbor => ("application/cbor", CborWriter::write_body(output)),
        Protocol::RestJson1 | Protocol::RestXml => {
            return rest_output(protocol, service, operation, request_id, output);
        }
    };
    let mut response = respond(StatusCode::OK, protocol, service, request_id, body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

pub(crate) fn json_type(protocol: Protocol) -> &'static str {
    if protocol == Protocol::AwsJson1_0 { "application/x-amz-json-1.0" } else { "application/x-amz-json-1.1" }
}

/// A response with the headers that every answer carries.
pub(crate) fn respond(
    status: StatusCode,
    protocol: Protocol,
    service: &ServiceSchema,
    request_id: &str,
    body: Vec<u8>,
) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers: &mut HeaderMap = response.headers_mut();
    headers.reserve(4);
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(if service.name == "s3" { REQUEST_ID_S3 } else { REQUEST_ID }, id);
    }
    if protocol == Protocol::RpcV2Cbor {
        headers.insert(SMITHY_PROTOCOL, RPC_V2_CBOR);
    }
    response
}

fn query_body(
    service: &ServiceSchema,
    operation: &OperationSchema,
    request_id: &str,
    output: &dyn Members,
) -> Vec<u8> {
    let mut xml = XmlWriter::new(ListStyle::Xml);
    let root = format!("{}Response", operation.name);
    xml.start(&root, service.xml_namespace);
    if let Some(wrapper) = operation.result_wrapper {
        xml.start(wrapper, None);
        xml.content(output);
        xml.end(wrapper);
    } else {
        xml.content(output);
    }
    xml.start("ResponseMetadata", None);
    xml.text_element("RequestId", request_id);
    xml.end("ResponseMetadata");
    xml.end(&root);
    xml.finish().into_bytes()
}

/// EC2 answers with `return` where the model has no output.
fn ec2_body(
    service: &ServiceSchema,
    operation: &OperationSchema,
    request_id: &str,
    output: &dyn Members,
) -> Vec<u8> {
    let mut xml = XmlWriter::new(ListStyle::Ec2);
    let root = format!("{}Response", operation.name);
    xml.declaration();
    xml.start(&root, service.xml_namespace);
    xml.text_element("requestId", request_id);
    if operation.output.is_some() {
        xml.content(output);
    } else {
        xml.text_element("return", "true");
    }
    xml.end(&root);
    xml.finish().into_bytes()
}

fn rest_output(
    protocol: Protocol,
    service: &ServiceSchema,
    operation: &OperationSchema,
    request_id: &str,
    output: &dyn Members,
) -> Response<Body> {
    let bound = rest::encode(protocol, service.xml_namespace, output);
    // The model has no member for the status of a part.
    let success = if bound.headers.contains_key(CONTENT_RANGE) { 206 } else { operation.status };
    let status = StatusCode::from_u16(bound.status.unwrap_or(success)).unwrap_or(StatusCode::OK);
    let mut response = respond(status, protocol, service, request_id, bound.body);
    let headers = response.headers_mut();
    if let Some(content_type) = bound.content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    for (name, value) in bound.headers {
        if let Some(name) = name {
            headers.insert(name, value);
        }
    }
    response
}
