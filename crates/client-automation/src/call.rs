//! Calls of the installation's own API, by the operation's name and its input as JSON.

use client_api::api::{ApiClient, CallError, Credentials, QueryService, Service};
use serde_json::{Value, json};
use stdx::clock::SharedClock;
use stdx_net::client::Client;

use crate::failure::Failure;
use crate::limits::CALL_TIME_MAX;
use crate::query_input;

/// How the services that can be called are spoken to.
#[derive(Clone, Copy, Debug)]
enum Dialect {
    Json(Service),
    Query(QueryService),
}

const JSON_SERVICES: [(&str, &str); 9] = [
    ("ecs", "AmazonEC2ContainerServiceV20141113"),
    ("ecr", "AmazonEC2ContainerRegistry_V20150921"),
    ("logs", "Logs_20140328"),
    ("events", "AWSEvents"),
    ("acm", "CertificateManager"),
    ("application-autoscaling", "AnyScaleFrontendService"),
    ("ce", "AWSInsightsIndexService"),
    ("budgets", "AWSBudgetServiceGateway"),
    ("monitoring", "GraniteServiceVersion20100801"),
];

const QUERY_SERVICES: [(&str, &str); 4] = [
    ("sns", "2010-03-31"),
    ("elasticloadbalancing", "2015-12-01"),
    ("iam", "2010-05-08"),
    ("sts", "2011-06-15"),
];

/// Whether a service with this signing name can be called at all.
pub fn is_known(signing_name: &str) -> bool {
    dialect(signing_name).is_some()
}

fn dialect(signing_name: &str) -> Option<Dialect> {
    let json = JSON_SERVICES.iter().find(|(name, _)| *name == signing_name);
    if let Some((signing_name, target_prefix)) = json {
        return Some(Dialect::Json(Service { signing_name, target_prefix }));
    }
    let (signing_name, api_version) = QUERY_SERVICES.iter().find(|(name, _)| *name == signing_name)?;
    Some(Dialect::Query(QueryService { signing_name, api_version }))
}

/// Calls one endpoint.
#[derive(Clone, Debug)]
pub struct Caller {
    pub client: Client,
    pub endpoint: String,
    pub clock: SharedClock,
}

/// What is called, and as whom.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub region: &'a str,
    pub credentials: Credentials,
    /// By its signing name.
    pub service: &'a str,
    pub operation: &'a str,
    /// JSON, with the model's member names.
    pub input: &'a str,
}

impl Caller {
    pub async fn call(&self, call: Call<'_>) -> Result<(), Failure> {
        let dialect = dialect(call.service)
            .ok_or_else(|| Failure::lasting(format!("the service {:?} can't be called", call.service)))?;
        let input: Value = serde_json::from_str(call.input)
            .map_err(|error| Failure::lasting(format!("the input is not JSON: {error}")))?;
        let api = ApiClient::new(
            self.client.clone(),
            &self.endpoint,
            call.region,
            call.credentials,
            self.clock.clone(),
        );
        let attempt = async {
            match dialect {
                Dialect::Query(service) => query(&api, service, call.operation, &input).await,
                Dialect::Json(service) => json_call(&api, service, call.operation, &input).await,
            }
        };
        let timeout = |_| Failure::passing(format!("{} took longer than {CALL_TIME_MAX:?}", call.operation));
        tokio::time::timeout(CALL_TIME_MAX, attempt).await.map_err(timeout)?
    }
}

async fn query(
    api: &ApiClient,
    service: QueryService,
    operation: &str,
    input: &Value,
) -> Result<(), Failure> {
    let parameters = query_input::flatten(input);
    let borrowed: Vec<(&str, &str)> =
        parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    api.query(service, operation, &borrowed).await.map(|_| ()).map_err(failure)
}

async fn json_call(api: &ApiClient, service: Service, operation: &str, input: &Value) -> Result<(), Failure> {
    let mut answer = api.call(service, operation, input).await;
    let lacks_stream = operation == "PutLogEvents"
        && answer.as_ref().err().and_then(CallError::code) == Some("ResourceNotFoundException");
    if lacks_stream {
        make_stream(api, service, input).await?;
        answer = api.call(service, operation, input).await;
    }
    refused_in_part(&answer.map_err(failure)?)
}

/// Who writes events to a log group writes to a stream that nobody made before.
async fn make_stream(api: &ApiClient, service: Service, input: &Value) -> Result<(), Failure> {
    let stream = json!({ "logGroupName": input["logGroupName"], "logStreamName": input["logStreamName"] });
    match api.call(service, "CreateLogStream", &stream).await {
        Err(error) if error.code() != Some("ResourceAlreadyExistsException") => Err(failure(error)),
        _ => Ok(()),
    }
}

/// Some operations answer well and say in their answer what they didn't do.
fn refused_in_part(output: &Value) -> Result<(), Failure> {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    if let Some(first) = output["failures"].as_array().and_then(|failures| failures.first()) {
        let (reason, detail) = (text(first, "reason"), text(first, "detail"));
        return Err(Failure::passing(format!("{reason} {detail}").trim().to_owned()));
    }
    if output["FailedEntryCount"].as_u64().is_some_and(|count| count > 0) {
        let mut entries = output["Entries"].as_array().into_iter().flatten();
        let failed = entries.find(|entry| entry["ErrorCode"].is_string());
        let (code, message) =
            failed.map(|entry| (text(entry, "ErrorCode"), text(entry, "ErrorMessage"))).unwrap_or_default();
        return Err(sorted(500, &code, format!("{code}: {message}")));
    }
    if output["rejectedLogEventsInfo"].is_object() {
        return Err(Failure::lasting("the log events are out of the time that the log group takes"));
    }
    Ok(())
}

fn failure(error: CallError) -> Failure {
    match error {
        CallError::Service { status, code, message, .. } => {
            sorted(status, &code, format!("{code}: {message}"))
        }
        CallError::Request(_) => Failure::lasting(error.to_string()),
        other => Failure::passing_error(&other),
    }
}

/// What a caller must change stays wrong; what the service is at fault for, or has too much of, may pass. As EventBridge has it.
fn sorted(status: u16, code: &str, text: String) -> Failure {
    const PASSING: [&str; 6] = [
        "Throttled",
        "TooManyRequests",
        "RequestLimitExceeded",
        "LimitExceeded",
        "ConcurrentModification",
        "ServiceUnavailable",
    ];
    const LASTING: [&str; 4] =
        ["AccessDenied", "NotAuthorizedForSourceException", "InvalidArgument", "MalformedDetail"];
    let passes = status >= 500
        || status == 429
        || code.contains("Throttling")
        || PASSING.iter().any(|known| code.starts_with(known));
    if passes && !LASTING.iter().any(|known| code.starts_with(known)) {
        Failure::passing(text)
    } else {
        Failure::lasting(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_sorted_by_whose_fault_they_are() {
        for (status, code, may_pass) in [
            (400, "AccessDeniedException", false),
            (403, "AuthorizationError", false),
            (404, "NotFound", false),
            (400, "ValidationException", false),
            (400, "ThrottlingException", true),
            (429, "Throttled", true),
            (503, "ServiceUnavailable", true),
            (500, "InternalFailure", true),
        ] {
            assert_eq!(sorted(status, code, String::new()).may_pass, may_pass, "{code}");
        }
    }

    #[test]
    fn answers_that_hold_failures_are_failures() {
        let check = |output: Value, expect: Option<bool>| {
            let failure = refused_in_part(&output).err();
            assert_eq!(failure.map(|failure| failure.may_pass), expect, "{output}");
        };
        check(json!({"tasks": [{}], "failures": []}), None);
        check(json!({"tasks": [], "failures": [{"reason": "RESOURCE:CPU"}]}), Some(true));
        check(json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}), None);
        check(json!({"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}), Some(true));
        check(json!({"rejectedLogEventsInfo": {"tooOldLogEventEndIndex": 1}}), Some(false));
    }
}
