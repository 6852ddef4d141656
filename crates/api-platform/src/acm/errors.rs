//! ACM's refusals, in its words where AWS documents or is known to use them.

use wire_schema::ServiceError;

pub fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ValidationException", message)
}

pub fn not_found(arn: &str) -> ServiceError {
    ServiceError::caller("ResourceNotFoundException", format!("Could not find certificate {arn}."))
}

pub fn invalid_arn(arn: &str) -> ServiceError {
    ServiceError::caller("InvalidArnException", format!("Invalid arn: {arn}"))
}

pub fn invalid_args(message: &str) -> ServiceError {
    ServiceError::caller("InvalidArgsException", message)
}

pub fn invalid_parameter(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidParameterException", message)
}

pub fn invalid_tag(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidTagException", message)
}

pub fn too_many_tags(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("TooManyTagsException", message)
}

pub fn limit_exceeded(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("LimitExceededException", message)
}

pub fn invalid_domain_validation(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidDomainValidationOptionsException", message)
}

pub fn in_use(arn: &str) -> ServiceError {
    ServiceError::caller("ResourceInUseException", format!("Certificate {arn} is in use."))
}
