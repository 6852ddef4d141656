//! The errors of Cost Explorer.

use wire_schema::ServiceError;

pub fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ValidationException", message)
}

pub fn bad_token() -> ServiceError {
    ServiceError::caller("InvalidNextTokenException", "Next token is invalid.")
}

pub fn request_changed() -> ServiceError {
    let message = "Your request parameters changed between pages. Try again with the old parameters or without a \
                   pagination token.";
    ServiceError::caller("RequestChangedException", message)
}

pub fn limit_exceeded(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("LimitExceededException", message)
}
