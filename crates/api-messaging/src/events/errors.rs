//! The errors of EventBridge in AWS's words.

use state_model::events::pattern::PatternError;
use wire_schema::ServiceError;

pub fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ValidationException", message)
}

pub fn not_found(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ResourceNotFoundException", message)
}

pub fn exists(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ResourceAlreadyExistsException", message)
}

pub fn limit_exceeded() -> ServiceError {
    ServiceError::caller(
        "LimitExceededException",
        "The requested resource exceeds the maximum number allowed.",
    )
}

pub fn bus_missing(name: &str) -> ServiceError {
    not_found(format!("Event bus {name} does not exist."))
}

pub fn rule_missing(name: &str, bus: &str) -> ServiceError {
    not_found(format!("Rule {name} does not exist on EventBus {bus}."))
}

pub fn rule_managed(name: &str) -> ServiceError {
    ServiceError::caller(
        "ManagedRuleException",
        format!("Rule {name} is managed by a service and can't be changed by callers."),
    )
}

pub fn bad_pattern(error: &PatternError) -> ServiceError {
    ServiceError::caller("InvalidEventPatternException", error.to_string())
}

/// Nothing is encrypted with keys of KMS; an empty name is none.
pub fn refuse_kms_key(key: Option<&str>) -> Result<(), ServiceError> {
    match key {
        Some(key) if !key.is_empty() => Err(not_served("KmsKeyIdentifier")),
        _ => Ok(()),
    }
}

/// A parameter that AWS has and that isn't served here.
pub fn not_served(what: &str) -> ServiceError {
    invalid(format!("{what} is not supported here: leave it out."))
}
