//! What of a service changes without a deployment.

use state_model::ecs::service::{PropagateTags, Service};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use super::deployment_configuration;
use super::members::Members;
use crate::ecs::errors::invalid_parameter;
use crate::ecs::limits::SERVICE_TASKS_MAX;

/// Lays what is given over the service.
pub fn apply(members: &Members<'_>, service: &mut Service) -> Result<(), ServiceError> {
    if let Some(count) = members.desired_count {
        service.desired_count = desired_count(count)?;
    }
    if let Some(given) = members.deployment_configuration {
        service.deployment_configuration =
            deployment_configuration::merged(&service.deployment_configuration, given)?;
    }
    if let Some(seconds) = members.health_check_grace_period_seconds {
        let seconds = u32::try_from(seconds);
        service.health_check_grace_period_secs = Some(seconds.map_err(|_| {
            invalid_parameter("healthCheckGracePeriodSeconds must be between 0 and 2147483647.")
        })?);
    }
    if let Some(given) = members.propagate_tags {
        service.propagate_tags = propagate_tags(given)?;
    }
    if let Some(enabled) = members.enable_ecs_managed_tags {
        service.enable_ecs_managed_tags = enabled;
    }
    if let Some(given) = members.availability_zone_rebalancing {
        service.availability_zone_rebalancing = match given {
            wire::AvailabilityZoneRebalancing::Enabled => true,
            wire::AvailabilityZoneRebalancing::Disabled => false,
            wire::AvailabilityZoneRebalancing::Other(other) => {
                return Err(invalid_parameter(format!(
                    "Invalid availabilityZoneRebalancing: {other}. Must be one of [ENABLED, DISABLED]"
                )));
            }
        };
    }
    Ok(())
}

fn desired_count(given: i32) -> Result<u32, ServiceError> {
    let count = u32::try_from(given).ok().filter(|count| *count <= SERVICE_TASKS_MAX);
    count.ok_or_else(|| {
        invalid_parameter(format!("desiredCount should be between 0 and {SERVICE_TASKS_MAX}."))
    })
}

fn propagate_tags(given: &wire::PropagateTags) -> Result<PropagateTags, ServiceError> {
    match given {
        wire::PropagateTags::None => Ok(PropagateTags::None),
        wire::PropagateTags::TaskDefinition => Ok(PropagateTags::TaskDefinition),
        wire::PropagateTags::Service => Ok(PropagateTags::Service),
        wire::PropagateTags::Other(other) => {
            Err(invalid_parameter(format!("Invalid value for propagateTags: {other}")))
        }
    }
}
