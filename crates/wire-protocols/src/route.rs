//! Which service, protocol and operation a request means.

use http::header::HOST;
use http::request::Parts;
use wire_schema::{Location, OperationSchema, Protocol, ServiceError, ServiceSchema};

use crate::message::SMITHY_PROTOCOL;
use crate::query::form_pairs;
use crate::rest::uri;

/// All served services.
#[derive(Debug, Clone)]
pub struct Router {
    services: Vec<&'static ServiceSchema>,
}

#[derive(Debug, Clone, Copy)]
pub struct Route {
    pub service: &'static ServiceSchema,
    pub protocol: Protocol,
    /// An operation of the model, served or not.
    pub operation: &'static str,
}

#[derive(Debug)]
pub enum RouteError {
    /// Nothing in the request names an API of ours: it may be meant for something else on this port.
    NotAnApi,
    /// The service is known and has no such operation, or we have none.
    Refused { service: &'static ServiceSchema, protocol: Protocol, error: ServiceError },
}

impl Router {
    pub fn new(services: &[&'static ServiceSchema]) -> Self {
        Self { services: services.to_vec() }
    }

    /// Routes a request. `signing_name` is the service in its signature, when it has one; `body` is needed
    /// only as far as a query protocol's `Action` stands in it.
    pub fn route(&self, parts: &Parts, body: &[u8], signing_name: Option<&str>) -> Result<Route, RouteError> {
        if let Some(found) = self.by_cbor_path(parts, signing_name) {
            return found;
        }
        if let Some(found) = self.by_target(parts, signing_name) {
            return found;
        }
        let service = signing_name
            .and_then(|name| self.services.iter().find(|service| service.signing_name == name))
            .or_else(|| self.by_host(parts))
            .copied();
        if let Some(found) = self.by_action(parts, body, service) {
            return found;
        }
        let Some(service) = service else { return Err(RouteError::NotAnApi) };
        match service.protocols.first().copied() {
            Some(protocol @ (Protocol::RestJson1 | Protocol::RestXml)) => {
                by_template(service, protocol, parts)
            }
            Some(protocol @ (Protocol::AwsQuery | Protocol::Ec2Query)) => {
                let error = ServiceError::caller(
                    "MissingAction",
                    "The request is missing an action or a required parameter.",
                );
                Err(RouteError::Refused { service, protocol, error })
            }
            Some(protocol) => Err(unknown(service, protocol, "")),
            None => Err(RouteError::NotAnApi),
        }
    }

    /// `/service/<name>/operation/<operation>` is the form of rpc-v2-cbor alone.
    fn by_cbor_path(&self, parts: &Parts, signing_name: Option<&str>) -> Option<Result<Route, RouteError>> {
        let names =
            parts.uri.path().strip_prefix("/service/").and_then(|rest| rest.split_once("/operation/"));
        let is_cbor = parts.headers.get(SMITHY_PROTOCOL).is_some_and(|value| value == "rpc-v2-cbor");
        let (name, operation) = names.filter(|_| is_cbor)?;
        let service = self.services.iter().copied().find(|service| {
            service.speaks(Protocol::RpcV2Cbor)
                && (service.target_prefix == Some(name) || signing_name == Some(service.signing_name))
        })?;
        Some(known(service, Protocol::RpcV2Cbor, operation))
    }

    /// `X-Amz-Target: <prefix>.<operation>`.
    fn by_target(&self, parts: &Parts, signing_name: Option<&str>) -> Option<Result<Route, RouteError>> {
        let target = parts.headers.get("x-amz-target")?.to_str().ok()?;
        let (prefix, operation) = target.rsplit_once('.').unwrap_or(("", target));
        let speaks_json =
            |service: &&&ServiceSchema| service.protocols.iter().any(|protocol| is_aws_json(*protocol));
        let mut json_services = self.services.iter().filter(speaks_json);
        let service = json_services.clone().find(|service| service.target_prefix == Some(prefix)).copied();
        let Some(service) = service else {
            let signed_for = json_services.find(|service| signing_name == Some(service.signing_name))?;
            return Some(Err(unknown(signed_for, json_protocol(signed_for, parts), operation)));
        };
        Some(known(service, json_protocol(service, parts), operation))
    }

    fn by_host(&self, parts: &Parts) -> Option<&&'static ServiceSchema> {
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).or(parts.uri.host())?;
        self.services.iter().find(|service| {
            let prefixes = service.operations.iter().filter_map(|operation| operation.host_prefix);
            let mut candidates = prefixes.filter_map(|prefix| host.strip_prefix(prefix)).chain([host]);
            candidates.any(|host| {
                let rest = host.strip_prefix(service.endpoint_prefix);
                rest.is_some_and(|rest| rest.starts_with('.'))
            })
        })
    }

    /// `Action` in the query string or in a form body.
    fn by_action(
        &self,
        parts: &Parts,
        body: &[u8],
        service: Option<&'static ServiceSchema>,
    ) -> Option<Result<Route, RouteError>> {
        let query = parts.uri.query().unwrap_or("");
        let form = if is_form(parts) { std::str::from_utf8(body).unwrap_or("") } else { "" };
        let find = |wanted: &str| {
            let mut pairs = form_pairs(query).chain(form_pairs(form)).flatten();
            pairs.find(|(name, _)| name == wanted).map(|(_, value)| value)
        };
        let action = find("Action")?;
        let speaks_query = |service: &ServiceSchema| query_protocol(service).is_some();
        // Without a signature only the version says whose action it is.
        let service = service.filter(|service| speaks_query(service)).or_else(|| {
            let version = find("Version")?;
            let matches = |found: &&&'static ServiceSchema| {
                found.api_version == version
                    && (found.operation(&action).is_some() || found.is_unimplemented(&action))
            };
            self.services.iter().filter(|service| speaks_query(service)).find(matches).copied()
        })?;
        Some(known(service, query_protocol(service)?, &action))
    }
}

fn is_form(parts: &Parts) -> bool {
    let content_type = parts.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_none_or(|value| value.starts_with("application/x-www-form-urlencoded"))
}

fn is_aws_json(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::AwsJson1_0 | Protocol::AwsJson1_1)
}

fn query_protocol(service: &ServiceSchema) -> Option<Protocol> {
    service
        .protocols
        .iter()
        .copied()
        .find(|protocol| matches!(protocol, Protocol::AwsQuery | Protocol::Ec2Query))
}

/// The version that the request names, else the service's own.
fn json_protocol(service: &ServiceSchema, parts: &Parts) -> Protocol {
    let content_type = parts.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match content_type.unwrap_or("").split(';').next() {
        Some("application/x-amz-json-1.0") => Protocol::AwsJson1_0,
        Some("application/x-amz-json-1.1") => Protocol::AwsJson1_1,
        _ => {
            let own = service.protocols.iter().copied().find(|protocol| is_aws_json(*protocol));
            own.unwrap_or(Protocol::AwsJson1_1)
        }
    }
}

/// The most specific template that matches.
fn by_template(
    service: &'static ServiceSchema,
    protocol: Protocol,
    parts: &Parts,
) -> Result<Route, RouteError> {
    let query = parts.uri.query().unwrap_or("");
    let candidates = service.operations.iter().filter(|operation| operation.method == parts.method.as_str());
    let best = candidates
        .filter_map(|operation| {
            let weight = uri::matches(operation.uri, parts.uri.path(), query)?.weight;
            Some(((weight, required_headers(operation, parts)), operation))
        })
        .max_by_key(|(weight, _)| *weight);
    match best {
        Some((_, operation)) => match sub_resource(operation, query).filter(|_| service.name == "s3") {
            Some(name) => Err(no_sub_resource(service, protocol, name)),
            None => Ok(Route { service, protocol, operation: operation.name }),
        },
        None => match query.split('&').find(|pair| !pair.is_empty() && !pair.contains('=')) {
            Some(name) if service.name == "s3" => Err(no_sub_resource(service, protocol, name)),
            _ => Err(unknown(service, protocol, "")),
        },
    }
}

/// How well the request's headers fit, of operations that one request line means: a copy is a put with one more
/// header.
fn required_headers(operation: &OperationSchema, parts: &Parts) -> i32 {
    let members = operation.input.map_or(&[][..], |input| input().members);
    let required = members.iter().filter(|member| member.required && member.location == Location::Header);
    required.map(|member| if parts.headers.contains_key(member.wire_name) { 1 } else { -1 }).sum()
}

/// A parameter that makes another operation of S3 out of this one, such as `policy` or `uploadId`: answering it as if
/// it weren't there would delete a bucket where its policy was meant.
fn sub_resource<'a>(operation: &OperationSchema, query: &'a str) -> Option<&'a str> {
    let own = operation.uri.split_once('?').map_or("", |(_, constants)| constants);
    let members = operation.input.map_or(&[][..], |input| input().members);
    query.split('&').filter(|pair| !pair.is_empty()).find_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let is_own = own.split('&').any(|constant| constant.split('=').next() == Some(name))
            || members
                .iter()
                .any(|member| member.location == Location::QueryString && member.wire_name == name);
        (!is_own && (value.is_empty() || name == "uploadId")).then_some(name)
    })
}

fn no_sub_resource(service: &'static ServiceSchema, protocol: Protocol, name: &str) -> RouteError {
    let message = format!("The sub-resource '{name}' of {} is not implemented by this endpoint.", service.id);
    let error = ServiceError::service("NotImplemented", message).with_status(501);
    RouteError::Refused { service, protocol, error }
}

fn known(service: &'static ServiceSchema, protocol: Protocol, operation: &str) -> Result<Route, RouteError> {
    if let Some(found) = service.operation(operation) {
        return Ok(Route { service, protocol, operation: found.name });
    }
    if service.is_unimplemented(operation) {
        let error = not_implemented(protocol, service, operation);
        return Err(RouteError::Refused { service, protocol, error });
    }
    Err(unknown(service, protocol, operation))
}

/// The operation is in AWS's model and not in ours.
pub fn not_implemented(protocol: Protocol, service: &ServiceSchema, operation: &str) -> ServiceError {
    let code = match protocol {
        Protocol::AwsQuery | Protocol::Ec2Query | Protocol::RestXml => "NotImplemented",
        _ => "NotImplementedException",
    };
    let message = format!("The operation {operation} of {} is not implemented by this endpoint.", service.id);
    ServiceError::service(code, message).with_status(501)
}

fn unknown(service: &'static ServiceSchema, protocol: Protocol, operation: &str) -> RouteError {
    let error = match protocol {
        Protocol::AwsQuery | Protocol::Ec2Query => ServiceError::caller(
            "InvalidAction",
            format!("The action {operation} is not valid for this web service."),
        ),
        Protocol::RestJson1 | Protocol::RestXml => {
            ServiceError::caller("UnknownOperationException", "The requested operation is not recognized.")
                .with_status(404)
        }
        _ => ServiceError::caller(
            "UnknownOperationException",
            "The requested operation is not recognized by the service.",
        ),
    };
    RouteError::Refused { service, protocol, error }
}
