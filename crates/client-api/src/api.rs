//! Signed calls by the operation's name, in the JSON protocol and the query protocol.

mod query;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use stdx::clock::SharedClock;
use stdx_net::body::{Body, ReadError, read_bounded};
use stdx_net::client::{Client, ClientError};
pub use wire_protocols::sigv4::Credentials;
use wire_protocols::sigv4::{Scope, sign};
use wire_schema::Instant;

pub use query::{ELBV2, QueryService};

use crate::events::EventStream;
use crate::limits::{ANSWER_BYTES_MAX, IDLE_READ_MAX};

/// A service as its clients name it: for signatures and for the `X-Amz-Target` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    pub signing_name: &'static str,
    pub target_prefix: &'static str,
}

pub const ECS: Service = Service { signing_name: "ecs", target_prefix: "AmazonEC2ContainerServiceV20141113" };
pub const ECR: Service =
    Service { signing_name: "ecr", target_prefix: "AmazonEC2ContainerRegistry_V20150921" };
pub const CE: Service = Service { signing_name: "ce", target_prefix: "AWSInsightsIndexService" };
pub const LOGS: Service = Service { signing_name: "logs", target_prefix: "Logs_20140328" };

/// Calls one endpoint in one region as one principal.
#[derive(Clone, Debug)]
pub struct ApiClient {
    client: Client,
    /// Without a trailing slash.
    endpoint: String,
    region: String,
    credentials: Credentials,
    clock: SharedClock,
}

#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The service's own refusal.
    #[error("{code}: {message}")]
    Service { status: u16, code: String, message: String, request_id: Option<String> },
    #[error("{0}")]
    Transport(#[from] ClientError),
    #[error("reading the answer failed")]
    Read(#[from] ReadError),
    #[error("the answer is not JSON")]
    Json(#[from] serde_json::Error),
    #[error("the answer is not XML")]
    Xml(#[from] wire_schema::DecodeError),
    #[error("{0:?} can't be called")]
    Request(String),
}

impl CallError {
    /// The service's error code, such as `ClusterNotFoundException`.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Service { code, .. } => Some(code),
            _ => None,
        }
    }
}

impl ApiClient {
    pub fn new(
        client: Client,
        endpoint: &str,
        region: impl Into<String>,
        credentials: Credentials,
        clock: SharedClock,
    ) -> Self {
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        Self { client, endpoint, region: region.into(), credentials, clock }
    }

    /// Calls `operation` and answers with its output.
    pub async fn call(&self, service: Service, operation: &str, input: &Value) -> Result<Value, CallError> {
        let response = self.send(service, operation, input).await?;
        let body = read_bounded(response.into_body(), ANSWER_BYTES_MAX, IDLE_READ_MAX).await?;
        if body.is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        Ok(serde_json::from_slice(&body)?)
    }

    /// Calls an operation that answers with a stream of events, such as `StartLiveTail`.
    pub async fn stream(
        &self,
        service: Service,
        operation: &str,
        input: &Value,
    ) -> Result<EventStream, CallError> {
        let response = self.send(service, operation, input).await?;
        Ok(EventStream::new(response.into_body()))
    }

    /// All pages of a list: calls `operation` until no `nextToken` comes back, and hands each page to `page`.
    pub async fn pages(
        &self,
        service: Service,
        operation: &str,
        mut input: Value,
        mut page: impl FnMut(Value),
    ) -> Result<(), CallError> {
        loop {
            let output = self.call(service, operation, &input).await?;
            let next = output.get("nextToken").filter(|token| token.is_string()).cloned();
            page(output);
            match (next, input.as_object_mut()) {
                // A service that answers with the token it was given would never end.
                (Some(token), Some(fields)) if fields.get("nextToken") != Some(&token) => {
                    fields.insert(String::from("nextToken"), token);
                }
                _ => return Ok(()),
            }
        }
    }

    async fn send(
        &self,
        service: Service,
        operation: &str,
        input: &Value,
    ) -> Result<Response<Body>, CallError> {
        let body = Bytes::from(serde_json::to_vec(input)?);
        let target = format!("{}.{operation}", service.target_prefix);
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let response = self.client.send(self.request(service.signing_name, &headers, body)?).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refusal(response).await?)
    }

    fn request(
        &self,
        signing_name: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Request<Body>, CallError> {
        let unusable = || CallError::Request(format!("{signing_name} at {}", self.endpoint));
        let mut request = Request::post(format!("{}/", self.endpoint));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).map_err(|_| unusable())?.into_parts();
        let now = Instant::from_millis(self.clock.now().as_millis());
        let scope = Scope { region: &self.region, service: signing_name, now };
        sign(&mut parts, &body, &self.credentials, scope).map_err(|_| unusable())?;
        Ok(Request::from_parts(parts, Body::from(body)))
    }
}

/// Reads the error that a response stands for.
async fn refusal(response: Response<Body>) -> Result<CallError, CallError> {
    // Apart from the body: what is held while that is read must be able to change threads.
    let (parts, body) = response.into_parts();
    let status = parts.status;
    let header = |name: &str| {
        let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
        value.map(str::to_owned)
    };
    let (request_id, typed) = (header("x-amzn-requestid"), header("x-amzn-errortype"));
    let body = read_bounded(body, ANSWER_BYTES_MAX, Duration::from_secs(5)).await?;
    let document: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |key: &str| document.get(key).and_then(Value::as_str).map(str::to_owned);
    let code = text("__type").or_else(|| text("code")).or(typed).unwrap_or_else(|| status.to_string());
    // `prefix#Name:url` in some services.
    let code = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default().to_owned();
    let message = text("message").or_else(|| text("Message")).unwrap_or_default();
    Ok(CallError::Service { status: status.as_u16(), code, message, request_id })
}
