//! Credentials of the task's role, as SDKs fetch them from `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`.
//!
//! Texts and codes: the credentials handler of the Amazon ECS agent.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use link_protocol::{ControlServices, Credentials, TaskName};
use serde_json::{Value, json};
use stdx::clock::SharedClock;
use tokio::sync::Mutex;

/// Fresh ones are fetched when less than this is left: SDKs ask again some minutes before the end themselves, and must
/// then get others.
const REFRESH_BEFORE_END: Duration = Duration::from_secs(60 * 60);

/// The credentials of one task; fetched at the first question, kept until they near their end.
#[derive(Debug)]
pub struct TaskCredentials {
    pub id: String,
    task: TaskName,
    role_arn: String,
    control: Arc<dyn ControlServices>,
    clock: SharedClock,
    current: Mutex<Option<Credentials>>,
}

impl TaskCredentials {
    pub fn new(
        id: String,
        task: TaskName,
        role_arn: String,
        control: Arc<dyn ControlServices>,
        clock: SharedClock,
    ) -> Self {
        Self { id, task, role_arn, control, clock, current: Mutex::new(None) }
    }

    /// Status and document of `GET /v2/credentials/<id>`.
    pub async fn answer(&self) -> (StatusCode, Value) {
        let mut current = self.current.lock().await;
        let fresh = current
            .as_ref()
            .is_some_and(|known| known.expiration > self.clock.now().plus(REFRESH_BEFORE_END));
        if !fresh {
            match self.control.role_credentials(&self.task, &self.role_arn).await {
                Ok(fetched) => *current = Some(fetched),
                Err(failure) => {
                    tracing::warn!(task = self.task.id, %failure, "credentials of the task's role can't be had");
                }
            }
        }
        // Credentials near their end are better than none while control can't give new ones.
        match current.as_ref().filter(|known| known.expiration > self.clock.now()) {
            Some(known) => (StatusCode::OK, document(known)),
            None => error(
                StatusCode::SERVICE_UNAVAILABLE,
                "CredentialsUninitialized",
                "CredentialsV2Request: Credentials uninitialized for ID",
            ),
        }
    }
}

fn document(credentials: &Credentials) -> Value {
    json!({
        "RoleArn": credentials.role_arn,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.token,
        "Expiration": credentials.expiration.to_rfc3339_secs(),
    })
}

pub fn no_id() -> (StatusCode, Value) {
    error(StatusCode::BAD_REQUEST, "NoIdInRequest", "CredentialsV2Request: No Credential ID in the request")
}

pub fn unknown_id() -> (StatusCode, Value) {
    error(StatusCode::BAD_REQUEST, "InvalidIdInRequest", "CredentialsV2Request: Credentials not found")
}

fn error(status: StatusCode, code: &str, message: &str) -> (StatusCode, Value) {
    (status, json!({ "code": code, "message": message, "HTTPErrorCode": status.as_u16() }))
}
