//! SNS's refusals, in its words where AWS documents or is known to use them.

use wire_schema::ServiceError;

/// `Invalid parameter: …`
pub fn invalid(what: impl std::fmt::Display) -> ServiceError {
    ServiceError::caller("InvalidParameter", format!("Invalid parameter: {what}"))
}

/// Of a message's attributes.
pub fn invalid_value(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ParameterValueInvalid", message)
}

/// What AWS has, and isn't here.
pub fn not_served(what: &str, reason: &str) -> ServiceError {
    invalid(format!("{what} Reason: {reason} is not served by this installation"))
}

pub fn no_topic() -> ServiceError {
    ServiceError::caller("NotFound", "Topic does not exist").with_status(404)
}

pub fn no_subscription() -> ServiceError {
    ServiceError::caller("NotFound", "Subscription does not exist").with_status(404)
}

pub fn no_resource() -> ServiceError {
    ServiceError::caller("ResourceNotFound", "Resource does not exist").with_status(404)
}

pub fn throttled() -> ServiceError {
    ServiceError::caller("Throttled", "Rate exceeded").with_status(429)
}
