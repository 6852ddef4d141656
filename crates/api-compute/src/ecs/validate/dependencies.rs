//! `dependsOn`: the order in which containers start.

use std::collections::BTreeMap;

use state_model::ecs::container_definition::{ContainerDefinition, ContainerDependency, DependencyCondition};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use crate::ecs::errors::client;

pub fn dependency(given: wire::ContainerDependency) -> Result<ContainerDependency, ServiceError> {
    let condition = match given.condition {
        Some(wire::ContainerCondition::Start) => DependencyCondition::Start,
        Some(wire::ContainerCondition::Complete) => DependencyCondition::Complete,
        Some(wire::ContainerCondition::Success) => DependencyCondition::Success,
        Some(wire::ContainerCondition::Healthy) => DependencyCondition::Healthy,
        _ => {
            return Err(client(
                "Container dependency condition must be one of [START, COMPLETE, SUCCESS, HEALTHY]",
            ));
        }
    };
    Ok(ContainerDependency { container_name: given.container_name.unwrap_or_default(), condition })
}

/// Every dependency can come true.
pub fn check(containers: &[ContainerDefinition]) -> Result<(), ServiceError> {
    let by_name: BTreeMap<&str, &ContainerDefinition> =
        containers.iter().map(|container| (container.name.as_str(), container)).collect();
    for dependency in containers.iter().flat_map(|container| container.depends_on.iter().flatten()) {
        let name = &dependency.container_name;
        let Some(target) = by_name.get(name.as_str()) else {
            // The stray plus sign is AWS's.
            return Err(client(format!("Cannot depend on container + '{name}' because it does not exist")));
        };
        match dependency.condition {
            DependencyCondition::Complete | DependencyCondition::Success if target.essential => {
                return Err(client(
                    "A dependency container with SUCCESS or COMPLETE condition cannot be an essential \
                     container",
                ));
            }
            DependencyCondition::Healthy if target.health_check.is_none() => {
                return Err(client(
                    "A dependency container with HEALTHY condition must have health check configured",
                ));
            }
            _ => {}
        }
    }
    match has_cycle(containers, &by_name) {
        true => Err(client("Container dependencies must not form a cycle")),
        false => Ok(()),
    }
}

/// Takes away containers that wait for nothing that is left, until none can be taken.
fn has_cycle(containers: &[ContainerDefinition], by_name: &BTreeMap<&str, &ContainerDefinition>) -> bool {
    let mut left = by_name.clone();
    for _ in 0..containers.len() {
        let free = left.values().find(|container| {
            let mut waits_for = container.depends_on.iter().flatten();
            waits_for.all(|dependency| !left.contains_key(dependency.container_name.as_str()))
        });
        let Some(name) = free.map(|container| container.name.as_str()) else { break };
        left.remove(name);
    }
    !left.is_empty()
}
