//! `${ECS_AGENT_URI}/task-protection/v1/state`: scale-in protection from inside the task.

use http::{Method, StatusCode};
use link_protocol::services::{ProtectionOutcome, ProtectionUpdate};
use link_protocol::{ControlServices, ServiceFailure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::facts::{self, TaskFacts};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateBody {
    protection_enabled: Option<bool>,
    expires_in_minutes: Option<u32>,
}

/// Status and document of a GET or PUT.
pub async fn answer(
    control: &dyn ControlServices,
    facts: &TaskFacts,
    method: &Method,
    body: &[u8],
    request_id: &str,
) -> (StatusCode, Value) {
    let arn = facts.task_arn();
    if facts::task_role(&facts.assignment).is_none() {
        let failure = ServiceFailure {
            code: String::from("AccessDeniedException"),
            message: String::from("Invalid Request: no task IAM role credentials available for task"),
        };
        return refuse(StatusCode::FORBIDDEN, request_id, &arn, &failure);
    }
    let update = if *method == Method::GET {
        None
    } else {
        match update(body) {
            Ok(update) => Some(update),
            Err(message) => {
                let failure = ServiceFailure { code: String::from("InvalidParameterException"), message };
                return refuse(StatusCode::BAD_REQUEST, request_id, &arn, &failure);
            }
        }
    };
    match control.task_protection(&facts.assignment.name(), update).await {
        Ok(ProtectionOutcome::State(state)) => {
            let mut document = json!({ "ProtectionEnabled": state.enabled, "TaskArn": state.task_arn });
            if let Some(at) = state.expires_at {
                document["ExpirationDate"] = at.to_rfc3339_secs().into();
            }
            (StatusCode::OK, json!({ "protection": document }))
        }
        Ok(ProtectionOutcome::Failure { arn, reason }) => {
            (StatusCode::OK, json!({ "failure": { "Arn": arn, "Detail": null, "Reason": reason } }))
        }
        Err(failure) => refuse(StatusCode::BAD_REQUEST, request_id, &arn, &failure),
    }
}

fn update(body: &[u8]) -> Result<ProtectionUpdate, String> {
    let body: UpdateBody = serde_json::from_slice(body)
        .map_err(|_| String::from("UpdateTaskProtection: failed to decode request"))?;
    let Some(enabled) = body.protection_enabled else {
        return Err(String::from("Invalid request: does not contain 'ProtectionEnabled' field"));
    };
    Ok(ProtectionUpdate { enabled, expires_in_minutes: body.expires_in_minutes })
}

fn refuse(status: StatusCode, request_id: &str, arn: &str, failure: &ServiceFailure) -> (StatusCode, Value) {
    let error = json!({ "Arn": arn, "Code": failure.code, "Message": failure.message });
    (status, json!({ "requestID": request_id, "error": error }))
}
