//! The errors of CloudWatch Logs in AWS's words.

use state_telemetry::logs::{AppendError, ReadError};
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

pub fn not_read(error: ReadError) -> ServiceError {
    ServiceError::internal(error)
}
