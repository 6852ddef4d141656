//! The errors of ECS that several operations answer with, in AWS's words.

use wire_schema::ServiceError;

/// Most refusals of a task definition, and of what no request could ever have.
pub fn client(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ClientException", message)
}

pub fn invalid_parameter(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidParameterException", message)
}

/// What AWS's data plane does and this one doesn't: refused, rather than accepted and left out.
pub fn unsupported(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("UnsupportedFeatureException", message)
}

pub fn cluster_not_found() -> ServiceError {
    ServiceError::caller("ClusterNotFoundException", "Cluster not found.")
}

pub fn inactive_cluster() -> ServiceError {
    invalid_parameter("The referenced cluster was inactive.")
}

pub fn task_definition_not_found() -> ServiceError {
    client("TaskDefinition not found.")
}

pub fn task_not_found() -> ServiceError {
    invalid_parameter("The referenced task was not found.")
}

/// No container instance is ever found.
pub fn target_not_found() -> ServiceError {
    ServiceError::caller(
        "TargetNotFoundException",
        "The specified target wasn't found. You can view your available container instances with \
         ListContainerInstances. Amazon ECS container instances are cluster-specific and Region-specific.",
    )
}

pub fn service_not_found() -> ServiceError {
    ServiceError::caller("ServiceNotFoundException", "Service not found.")
}

pub fn service_not_active() -> ServiceError {
    ServiceError::caller("ServiceNotActiveException", "Service was not ACTIVE.")
}
