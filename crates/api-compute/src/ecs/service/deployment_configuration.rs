//! How deployments of a service go: its percentages and its circuit breaker.

use state_model::ecs::service::{
    BreakerThreshold, CircuitBreaker, DeploymentAlarms, DeploymentConfiguration,
};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use crate::ecs::errors::invalid_parameter;
use crate::ecs::limits::{ALARM_NAME_CHARS_MAX, BAKE_TIME_MINUTES_MAX, DEPLOYMENT_ALARMS_MAX};

/// `former` with what is given laid over it: members that aren't given keep their values.
pub fn merged(
    former: &DeploymentConfiguration,
    given: &wire::DeploymentConfiguration,
) -> Result<DeploymentConfiguration, ServiceError> {
    let mut wanted = former.clone();
    if let Some(percent) = given.maximum_percent {
        let percent = u32::try_from(percent).ok().filter(|percent| *percent >= 100);
        wanted.maximum_percent = percent
            .ok_or_else(|| invalid_parameter("The value of maximumPercent must be 100 or greater."))?;
    }
    if let Some(percent) = given.minimum_healthy_percent {
        let percent = u32::try_from(percent).ok().filter(|percent| *percent <= 100);
        wanted.minimum_healthy_percent = percent.ok_or_else(|| {
            invalid_parameter("The value of minimumHealthyPercent must be between 0 and 100.")
        })?;
    }
    if let Some(minutes) = given.bake_time_in_minutes {
        let minutes = u32::try_from(minutes).ok().filter(|minutes| *minutes <= BAKE_TIME_MINUTES_MAX);
        wanted.bake_time_minutes = Some(minutes.ok_or_else(|| {
            invalid_parameter(format!("bakeTimeInMinutes must be between 0 and {BAKE_TIME_MINUTES_MAX}."))
        })?);
    }
    if let Some(breaker) = &given.deployment_circuit_breaker {
        wanted.circuit_breaker = Some(circuit_breaker(breaker)?);
    }
    if let Some(given) = &given.alarms {
        wanted.alarms = Some(alarms(given)?);
    }
    if wanted.maximum_percent == 100 && wanted.minimum_healthy_percent == 100 {
        return Err(invalid_parameter(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
        ));
    }
    Ok(wanted)
}

fn alarms(given: &wire::DeploymentAlarms) -> Result<DeploymentAlarms, ServiceError> {
    let missing = |name: &str| invalid_parameter(format!("alarms.{name} should not be null or empty."));
    let enable = given.enable.ok_or_else(|| missing("enable"))?;
    let rollback = given.rollback.ok_or_else(|| missing("rollback"))?;
    let names = given.alarm_names.clone().ok_or_else(|| missing("alarmNames"))?;
    if enable && names.is_empty() {
        return Err(missing("alarmNames"));
    }
    if names.len() > DEPLOYMENT_ALARMS_MAX {
        return Err(invalid_parameter(format!(
            "alarms.alarmNames can have at most {DEPLOYMENT_ALARMS_MAX} items."
        )));
    }
    if names.iter().any(|name| name.is_empty() || name.chars().count() > ALARM_NAME_CHARS_MAX) {
        return Err(invalid_parameter("alarms.alarmNames has an item that is no alarm's name."));
    }
    Ok(DeploymentAlarms { names, enable, rollback })
}

fn circuit_breaker(given: &wire::DeploymentCircuitBreaker) -> Result<CircuitBreaker, ServiceError> {
    let required = |given: Option<bool>, name: &str| {
        given.ok_or_else(|| {
            invalid_parameter(format!("deploymentCircuitBreaker.{name} should not be null or empty."))
        })
    };
    Ok(CircuitBreaker {
        enable: required(given.enable, "enable")?,
        rollback: required(given.rollback, "rollback")?,
        reset_on_healthy_task: given.reset_on_healthy_task,
        threshold: given.threshold_configuration.as_ref().map(threshold).transpose()?,
    })
}

fn threshold(given: &wire::ThresholdConfiguration) -> Result<BreakerThreshold, ServiceError> {
    let value = given.value.and_then(|value| u32::try_from(value).ok()).filter(|value| *value > 0);
    let value = value.ok_or_else(|| {
        invalid_parameter(
            "The value of deploymentCircuitBreaker.thresholdConfiguration must be 1 or greater.",
        )
    })?;
    match &given.r#type {
        Some(wire::ThresholdType::Count) => Ok(BreakerThreshold::Count(value)),
        Some(wire::ThresholdType::BoundedPercent) => Ok(BreakerThreshold::BoundedPercent(value)),
        Some(wire::ThresholdType::UnboundedPercent) => Ok(BreakerThreshold::UnboundedPercent(value)),
        other => Err(invalid_parameter(format!(
            "Invalid type of deploymentCircuitBreaker.thresholdConfiguration: {}. Must be one of \
             [BOUNDED_PERCENT, UNBOUNDED_PERCENT, COUNT]",
            other.as_ref().map_or("null", |kind| kind.as_str())
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_stays() {
        let breaker = wire::DeploymentCircuitBreaker {
            enable: Some(true),
            rollback: Some(false),
            ..Default::default()
        };
        let first = wire::DeploymentConfiguration {
            maximum_percent: Some(150),
            deployment_circuit_breaker: Some(breaker),
            ..Default::default()
        };
        let first = merged(&DeploymentConfiguration::default(), &first).expect("it is valid");
        let second =
            wire::DeploymentConfiguration { minimum_healthy_percent: Some(50), ..Default::default() };
        let second = merged(&first, &second).expect("it is valid");
        assert_eq!((second.maximum_percent, second.minimum_healthy_percent), (150, 50));
        assert_eq!(second.circuit_breaker, first.circuit_breaker);
        assert!(second.circuit_breaker.is_some());
    }
}
