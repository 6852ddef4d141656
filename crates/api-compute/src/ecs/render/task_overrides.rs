//! What a task changed in its definition: every container is listed, also those without a change.

use state_model::ecs::task::{ContainerOverride, TaskIntent};
use wire_shapes_compute::ecs as wire;

use super::container_definition::{environment_file, key_value_pair, list};
use super::number;

pub fn task_overrides(intent: &TaskIntent) -> wire::TaskOverride {
    let given = &intent.overrides;
    let container = |name: &str| {
        let found = given.containers.iter().find(|item| item.name == name);
        found.map_or_else(|| unchanged(name), container_override)
    };
    wire::TaskOverride {
        container_overrides: Some(list(&intent.containers, |item| container(&item.name))),
        cpu: given.cpu.clone(),
        memory: given.memory.clone(),
        execution_role_arn: given.execution_role_arn.clone(),
        task_role_arn: given.task_role_arn.clone(),
        ephemeral_storage: given
            .ephemeral_storage_gib
            .map(|size| wire::EphemeralStorage { size_in_gib: Some(number(size)) }),
        inference_accelerator_overrides: Some(Vec::new()),
    }
}

fn unchanged(name: &str) -> wire::ContainerOverride {
    wire::ContainerOverride {
        name: Some(name.to_owned()),
        command: Some(Vec::new()),
        environment: Some(Vec::new()),
        environment_files: Some(Vec::new()),
        resource_requirements: Some(Vec::new()),
        ..Default::default()
    }
}

fn container_override(given: &ContainerOverride) -> wire::ContainerOverride {
    wire::ContainerOverride {
        name: Some(given.name.clone()),
        command: Some(given.command.clone().unwrap_or_default()),
        environment: Some(list(&given.environment, key_value_pair)),
        environment_files: Some(list(&given.environment_files, environment_file)),
        cpu: given.cpu.map(number),
        memory: given.memory.map(number),
        memory_reservation: given.memory_reservation.map(number),
        resource_requirements: Some(Vec::new()),
    }
}
