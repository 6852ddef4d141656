//! The errors of Application Auto Scaling.

use wire_protocols::violations::{ValidationException, Violations};
use wire_schema::ServiceError;

use super::resource::Resource;

pub fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ValidationException", message)
}

/// `member` as the model names it, with a small first letter.
pub fn missing(member: &str) -> ServiceError {
    constraint("null", member, "Member must not be null")
}

pub fn not_in_set(value: &str, member: &str, values: &[&str]) -> ServiceError {
    let set = values.join(", ");
    constraint(&format!("'{value}'"), member, &format!("Member must satisfy enum value set: [{set}]"))
}

pub fn constraint(value: &str, member: &str, rule: &str) -> ServiceError {
    Violations::<ValidationException>::only(value, member, rule)
}

pub fn unsupported() -> ServiceError {
    invalid("Unsupported service namespace, resource type or scalable dimension")
}

fn not_found(message: String) -> ServiceError {
    ServiceError::caller("ObjectNotFoundException", message)
}

/// Of operations that take a target away.
pub fn no_target(resource: &Resource) -> ServiceError {
    not_found(format!("No scalable target found for {resource}"))
}

/// Of operations that need a target.
pub fn not_registered(resource: &Resource) -> ServiceError {
    not_found(format!("No scalable target registered for {resource}"))
}

pub fn no_policy(resource: &Resource, name: &str) -> ServiceError {
    not_found(format!("No scaling policy found for {resource}, policy name: {name}"))
}

pub fn no_scheduled_action(resource: &Resource, name: &str) -> ServiceError {
    not_found(format!("No scheduled action found for {resource}, scheduled action name: {name}"))
}

pub fn limit_exceeded(message: String) -> ServiceError {
    ServiceError::caller("LimitExceededException", message)
}

pub fn invalid_token() -> ServiceError {
    ServiceError::caller("InvalidNextTokenException", "The next token is not valid.")
}

pub fn no_resource(arn: &str) -> ServiceError {
    let message = format!("The resource {arn} could not be found.");
    ServiceError::caller("ResourceNotFoundException", message)
}
