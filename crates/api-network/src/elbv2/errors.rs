//! ELBv2's errors, by the codes of its API reference.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/CommonErrors.html>

use std::fmt::Display;

use wire_schema::ServiceError;

pub fn validation(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ValidationError", message)
}

/// As AWS words what breaks a constraint of the model.
pub fn constraint(value: impl Display, member: &str, constraint: &str) -> ServiceError {
    validation(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must {constraint}"
    ))
}

pub fn missing(member: &str) -> ServiceError {
    validation(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

/// A value that an enum of the model doesn't have.
pub fn not_among(value: impl Display, member: &str, values: &[&str]) -> ServiceError {
    constraint(value, member, &format!("satisfy enum value set: [{}]", values.join(", ")))
}

pub fn out_of_range(value: i32, member: &str, min: i32, max: i32) -> ServiceError {
    let side = if value < min {
        format!("have value greater than or equal to {min}")
    } else {
        format!("have value less than or equal to {max}")
    };
    constraint(value, member, &side)
}

pub fn invalid_configuration(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidConfigurationRequest", message)
}

pub fn not_permitted(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("OperationNotPermitted", message)
}

/// What AWS has and this installation has not: refused rather than accepted without effect.
pub fn unavailable(what: impl Display) -> ServiceError {
    not_permitted(format!("{what} not available in this installation."))
}

pub fn invalid_action(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidLoadBalancerAction", message)
}

pub fn in_use(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ResourceInUse", message)
}

pub fn load_balancer_not_found(arn: &str) -> ServiceError {
    ServiceError::caller("LoadBalancerNotFound", format!("Load balancer '{arn}' not found"))
}

pub fn load_balancers_not_found() -> ServiceError {
    ServiceError::caller("LoadBalancerNotFound", "One or more load balancers not found")
}

pub fn load_balancer_names_not_found(names: &[String]) -> ServiceError {
    ServiceError::caller("LoadBalancerNotFound", format!("Load balancers '[{}]' not found", names.join(", ")))
}

pub fn target_group_not_found(arn: &str) -> ServiceError {
    ServiceError::caller("TargetGroupNotFound", format!("Target group '{arn}' not found"))
}

pub fn target_groups_not_found() -> ServiceError {
    ServiceError::caller("TargetGroupNotFound", "One or more target groups not found")
}

pub fn listener_not_found() -> ServiceError {
    ServiceError::caller("ListenerNotFound", "One or more listeners not found")
}

pub fn rule_not_found() -> ServiceError {
    ServiceError::caller("RuleNotFound", "One or more rules not found")
}

/// A quota is exhausted: `code` begins with `TooMany`.
pub fn too_many(code: &'static str, what: &str, max: usize) -> ServiceError {
    ServiceError::caller(code, format!("You've reached the limit on the number of {what}: {max}"))
}
