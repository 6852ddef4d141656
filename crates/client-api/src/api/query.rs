//! The query protocol: parameters in, XML out, read as JSON so that both protocols are used alike.

use bytes::Bytes;
use http::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use stdx_net::body::{Body, read_bounded};
use wire_protocols::xml::Element;

use super::{ApiClient, CallError};
use crate::limits::{ANSWER_BYTES_MAX, IDLE_READ_MAX};

/// A service of the query protocol as its clients name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryService {
    pub signing_name: &'static str,
    pub api_version: &'static str,
}

pub const ELBV2: QueryService =
    QueryService { signing_name: "elasticloadbalancing", api_version: "2015-12-01" };

impl ApiClient {
    /// Calls `action` with parameters such as `TargetGroupArns.member.1`, and answers with its result. Every value is a
    /// text; an empty list is one too.
    pub async fn query(
        &self,
        service: QueryService,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Value, CallError> {
        let mut form = format!("Action={action}&Version={}", service.api_version);
        for (name, value) in parameters {
            form.push_str(&format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        }
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let request = self.request(service.signing_name, &headers, Bytes::from(form))?;
        let response = self.client.send(request).await?;
        let status = response.status();
        let document = document(response).await?;
        if status.is_success() {
            return Ok(document.child(&format!("{action}Result")).map(value_of).unwrap_or_default());
        }
        let error = document.child("Error");
        let text = |name: &str| error.and_then(|error| error.child(name)).map(|child| child.text.clone());
        Err(CallError::Service {
            status: status.as_u16(),
            code: text("Code").unwrap_or_else(|| status.to_string()),
            message: text("Message").unwrap_or_default(),
            request_id: document.child("RequestId").map(|child| child.text.clone()),
        })
    }
}

async fn document(response: Response<Body>) -> Result<Element, CallError> {
    let body = read_bounded(response.into_body(), ANSWER_BYTES_MAX, IDLE_READ_MAX).await?;
    Ok(Element::parse(&body)?)
}

/// Lists are elements whose children are all called `member`.
fn value_of(element: &Element) -> Value {
    let children = &element.children;
    if children.is_empty() {
        return Value::String(element.text.clone());
    }
    if children.iter().all(|child| child.name == "member") {
        return Value::Array(children.iter().map(value_of).collect());
    }
    let members: Map<String, Value> =
        children.iter().map(|child| (child.name.clone(), value_of(child))).collect();
    Value::Object(members)
}
