//! The errors of Budgets.

use wire_schema::ServiceError;

pub fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidParameterException", message)
}

pub fn not_found(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("NotFoundException", message)
}

pub fn duplicate(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("DuplicateRecordException", message)
}

pub fn too_many(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("CreationLimitExceededException", message)
}

pub fn no_budget(name: &str) -> ServiceError {
    not_found(format!("Unable to get budget: {name} - the budget doesn't exist."))
}

pub fn no_notification() -> ServiceError {
    not_found("Unable to get notification - the notification doesn't exist.")
}

pub fn no_subscriber() -> ServiceError {
    not_found("Unable to get subscriber - the subscriber doesn't exist.")
}

pub fn bad_token() -> ServiceError {
    ServiceError::caller("InvalidNextTokenException", "The pagination token is invalid.")
}
