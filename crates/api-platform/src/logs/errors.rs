//! The errors of CloudWatch Logs in AWS's words.

use state_telemetry::logs::{AppendError, ReadError};
use state_telemetry::metrics::PutError;
use wire_schema::ServiceError;

pub fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidParameterException", message)
}

pub fn group_missing() -> ServiceError {
    missing("The specified log group does not exist.")
}

pub fn stream_missing() -> ServiceError {
    missing("The specified log stream does not exist.")
}

fn missing(message: &str) -> ServiceError {
    ServiceError::caller("ResourceNotFoundException", message)
}

pub fn filter_missing() -> ServiceError {
    missing("The specified metric filter does not exist.")
}

pub fn query_missing() -> ServiceError {
    missing("The specified query does not exist.")
}

pub fn definition_missing() -> ServiceError {
    missing("The specified query definition does not exist.")
}

pub fn record_missing() -> ServiceError {
    missing("The specified log record does not exist.")
}

pub fn group_exists() -> ServiceError {
    exists("The specified log group already exists")
}

pub fn stream_exists() -> ServiceError {
    exists("The specified log stream already exists")
}

fn exists(message: &str) -> ServiceError {
    ServiceError::caller("ResourceAlreadyExistsException", message)
}

pub fn limit_exceeded(message: &str) -> ServiceError {
    ServiceError::caller("LimitExceededException", message)
}

pub fn bad_token() -> ServiceError {
    invalid("The specified nextToken is invalid.")
}

/// Events that could not be stored: sending them again may help.
pub fn not_stored(error: AppendError) -> ServiceError {
    let message = match &error {
        AppendError::DiskFull => {
            "The service cannot complete the request: the disk that holds the logs is full."
        }
        _ => "The service cannot complete the request.",
    };
    ServiceError::service("ServiceUnavailableException", message).with_source(error)
}

/// Events are stored, what they say as metrics isn't.
pub fn not_counted(error: PutError) -> ServiceError {
    ServiceError::service("ServiceUnavailableException", "The service cannot complete the request.")
        .with_source(error)
}

pub fn not_read(error: ReadError) -> ServiceError {
    ServiceError::internal(error)
}
