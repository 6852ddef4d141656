//! EC2's errors, by the codes of its API reference.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>

use wire_schema::ServiceError;

pub fn invalid_parameter_value(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidParameterValue", message)
}

pub fn invalid_parameter_combination(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidParameterCombination", message)
}

pub fn missing_parameter(name: &str) -> ServiceError {
    ServiceError::caller("MissingParameter", format!("The request must contain the parameter {name}"))
}

/// `what` is the plural of the resource.
pub fn limit_exceeded(code: &'static str, what: &str) -> ServiceError {
    ServiceError::caller(code, format!("The maximum number of {what} has been reached."))
}

/// The end of a request that only wanted to know whether it would succeed.
pub fn check_dry_run(dry_run: Option<bool>) -> Result<(), ServiceError> {
    match dry_run {
        Some(true) => {
            let message = "Request would have succeeded, but DryRun flag is set.";
            Err(ServiceError::caller("DryRunOperation", message).with_status(412))
        }
        _ => Ok(()),
    }
}

pub fn group_name_not_found(name: &str, vpc_id: &str) -> ServiceError {
    let message = format!("The security group '{name}' does not exist in default VPC '{vpc_id}'");
    ServiceError::caller("InvalidGroup.NotFound", message)
}

pub fn rule_not_found() -> ServiceError {
    ServiceError::caller(
        "InvalidPermission.NotFound",
        "The specified rule does not exist in this security group.",
    )
}

pub fn no_default_vpc() -> ServiceError {
    ServiceError::caller("VPCIdNotSpecified", "No default VPC for this user")
}

/// What AWS can do and this installation can't.
pub fn unsupported_operation(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("UnsupportedOperation", message)
}

/// The caller may not touch what a service made for itself.
pub fn not_permitted() -> ServiceError {
    ServiceError::caller("AuthFailure", "You do not have permission to access the specified resource.")
}

pub fn instance_not_found(id: &str) -> ServiceError {
    ServiceError::caller("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"))
}

/// A client token that came before with another request.
pub fn idempotent_mismatch() -> ServiceError {
    ServiceError::caller(
        "IdempotentParameterMismatch",
        "The request uses the same client token as a previous, but non-identical request. Do not reuse a client token \
         with different requests, unless the requests are identical.",
    )
}

/// The code that the operations of endpoints and flow logs have for what others call `InvalidParameterValue`.
pub fn invalid_parameter(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidParameter", message)
}

/// Something still names or uses the resource.
pub fn dependency_violation(id: &str) -> ServiceError {
    ServiceError::caller("DependencyViolation", format!("resource {id} has a dependent object"))
}
