//! The errors of alarms in AWS's words.

use wire_schema::ServiceError;
use wire_shapes_observe::cloudwatch as wire;

pub fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ValidationError", message)
}

/// What AWS serves and this program doesn't.
pub fn unserved(what: &str) -> ServiceError {
    invalid(format!("{what} not available here."))
}

pub fn unknown_alarm(name: &str) -> ServiceError {
    let message = Some(format!("Alarm {name} does not exist"));
    wire::ResourceNotFound { message }.into()
}

pub fn unknown_resource(arn: &str) -> ServiceError {
    wire::ResourceNotFoundException {
        resource_type: Some(String::from("alarm")),
        resource_id: Some(arn.to_owned()),
    }
    .into()
}

pub fn invalid_value(message: impl Into<String>) -> ServiceError {
    wire::InvalidParameterValueException { message: Some(message.into()) }.into()
}

pub fn too_many_alarms(most: usize) -> ServiceError {
    let message = Some(format!("The maximum limit of {most} alarms exceeded."));
    wire::LimitExceededFault { message }.into()
}

pub fn bad_token() -> ServiceError {
    wire::InvalidNextToken { message: Some(String::from("The next token is invalid.")) }.into()
}

pub fn bad_format(message: &str) -> ServiceError {
    wire::InvalidFormatFault { message: Some(message.to_owned()) }.into()
}
