//! What AWS does for services and this program doesn't: refused by the name of the member.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use super::members::Members;
use crate::ecs::errors::{invalid_parameter, unsupported};
use crate::ecs::limits::SERVICE_REGISTRIES_MAX;
use crate::ecs::task_source;

pub fn check(members: &Members<'_>) -> Result<(), ServiceError> {
    controller(members.deployment_controller)?;
    if let Some(configuration) = members.deployment_configuration {
        deployment_configuration(configuration)?;
    }
    task_source::check_placement(members.placement_constraints, members.placement_strategy)?;
    if members.service_registries.len() > SERVICE_REGISTRIES_MAX {
        return Err(invalid_parameter(format!(
            "service registries can have at most {SERVICE_REGISTRIES_MAX} items."
        )));
    }
    // What is switched off, or empty, is on AWS as if it were not given.
    let connects = members.service_connect_configuration.is_some_and(|given| given.enabled == Some(true));
    for (given, what) in [
        (!members.service_registries.is_empty(), "serviceRegistries: Cloud Map is"),
        (connects, "serviceConnectConfiguration: Service Connect is"),
        (!members.volume_configurations.is_empty(), "volumeConfigurations: managed EBS volumes are"),
        (!members.vpc_lattice_configurations.is_empty(), "vpcLatticeConfigurations: VPC Lattice is"),
        (!members.gateway_connectors.is_empty(), "gatewayConnectors: gateway connectors are"),
        (members.enable_execute_command == Some(true), "enableExecuteCommand: Execute command is"),
    ] {
        if given {
            return Err(unsupported(format!("{what} not available here.")));
        }
    }
    Ok(())
}

fn controller(given: Option<&wire::DeploymentController>) -> Result<(), ServiceError> {
    match given.and_then(|controller| controller.r#type.as_ref()) {
        None | Some(wire::DeploymentControllerType::Ecs) => Ok(()),
        Some(wire::DeploymentControllerType::Other(other)) => {
            Err(invalid_parameter(format!("Invalid deploymentController type: {other}")))
        }
        Some(kind) => Err(unsupported(format!(
            "deploymentController: services with the deployment controller {kind} are not available here."
        ))),
    }
}

fn deployment_configuration(given: &wire::DeploymentConfiguration) -> Result<(), ServiceError> {
    match &given.strategy {
        None | Some(wire::DeploymentStrategy::Rolling) => {}
        Some(wire::DeploymentStrategy::Other(other)) => {
            return Err(invalid_parameter(format!("Invalid deployment strategy: {other}")));
        }
        Some(strategy) => {
            return Err(unsupported(format!(
                "deploymentConfiguration.strategy: deployments with the strategy {strategy} are not available \
                 here."
            )));
        }
    }
    let early = given.early_success_criteria.as_ref().is_some_and(|early| early.enable == Some(true));
    let hooks = given.lifecycle_hooks.as_ref().is_some_and(|hooks| !hooks.is_empty());
    for (given, what) in [
        (early, "earlySuccessCriteria: early success criteria are"),
        (hooks, "lifecycleHooks: lifecycle hooks are"),
        (given.linear_configuration.is_some(), "linearConfiguration: linear deployments are"),
        (given.canary_configuration.is_some(), "canaryConfiguration: canary deployments are"),
    ] {
        if given {
            return Err(unsupported(format!("deploymentConfiguration.{what} not available here.")));
        }
    }
    Ok(())
}
