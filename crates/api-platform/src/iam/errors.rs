//! IAM's refusals, in its words.

use std::fmt::Display;

use wire_schema::ServiceError;

pub fn no_such_entity(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("NoSuchEntity", message)
}

/// `noun` is `user` or `role`.
pub fn no_such_named(noun: &str, name: &str) -> ServiceError {
    no_such_entity(format!("The {noun} with name {name} cannot be found."))
}

/// `noun` is `User` or `Role`.
pub fn already_exists(noun: &str, name: &str) -> ServiceError {
    ServiceError::caller("EntityAlreadyExists", format!("{noun} with name {name} already exists."))
}

pub fn delete_conflict(message: &str) -> ServiceError {
    ServiceError::caller("DeleteConflict", message)
}

pub fn quota(name: &str, limit: impl Display) -> ServiceError {
    ServiceError::caller("LimitExceeded", format!("Cannot exceed quota for {name}: {limit}"))
}

pub fn limit_exceeded(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("LimitExceeded", message)
}

pub fn invalid_input(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidInput", message)
}

pub fn malformed_policy(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("MalformedPolicyDocument", message)
}

pub fn protected_role(name: &str) -> ServiceError {
    let message = format!(
        "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
    );
    ServiceError::caller("UnmodifiableEntity", message)
}
