//! CloudWatch's errors in its own words. Names in code are those of the query protocol.

use state_telemetry::metrics::{EvaluateError, PutError, ReadError};
use wire_schema::ServiceError;

pub fn invalid_value(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidParameterValue", message)
}

/// The value of a parameter is of the wrong form.
pub fn invalid(value: &str, parameter: &str) -> ServiceError {
    invalid_value(format!("The value {value} for parameter {parameter} is invalid."))
}

pub fn combination(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidParameterCombination", message)
}

pub fn required(parameter: &str) -> ServiceError {
    ServiceError::caller("MissingParameter", format!("The parameter {parameter} is required."))
}

pub fn validation(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ValidationError", message)
}

pub fn too_many(collection: &str, max: usize) -> ServiceError {
    invalid_value(format!("The collection {collection} must not have a size greater than {max}."))
}

pub fn bad_token() -> ServiceError {
    ServiceError::caller("InvalidNextToken", "The next token specified is invalid.")
}

pub fn not_put(error: PutError) -> ServiceError {
    match &error {
        PutError::TooManySeries { series_max } => ServiceError::caller(
            "LimitExceeded",
            format!("There are {series_max} metrics already: a dimension has too many values."),
        ),
        PutError::Stopped | PutError::Write(_) => {
            ServiceError::service("InternalServiceError", "The data points can't be stored at the moment.")
                .with_status(500)
                .with_source(error)
        }
    }
}

pub fn not_read(error: ReadError) -> ServiceError {
    ServiceError::service("InternalServiceError", "The data points can't be read at the moment.")
        .with_status(500)
        .with_source(error)
}

pub fn not_evaluated(error: EvaluateError) -> ServiceError {
    match error {
        EvaluateError::Read(error) => not_read(error),
        EvaluateError::Expression { query_id, message } => {
            validation(format!("Error in expression '{query_id}': {message}"))
        }
    }
}
