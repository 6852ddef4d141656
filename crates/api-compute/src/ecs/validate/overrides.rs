//! What a run changes in its task definition.

use state_model::Scope;
use state_model::ecs::task::{ContainerOverride, TaskOverrides};
use state_model::ecs::task_definition::TaskDefinitionBody;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use super::container::{each, environment, environment_files, memory_limits};
use super::numbers::unsigned;
use super::task_definition::ephemeral_storage;
use super::{roles, task_size};
use crate::ecs::errors::{client, invalid_parameter};
use crate::ecs::limits::OVERRIDES_BYTES_MAX;

/// The overrides, and the size of the task under them.
#[derive(Debug)]
pub struct Overridden {
    pub overrides: TaskOverrides,
    pub cpu: u32,
    pub memory_mib: u32,
    pub ephemeral_storage_gib: Option<u32>,
}

pub fn overrides(
    scope: &Scope,
    body: &TaskDefinitionBody,
    given: Option<wire::TaskOverride>,
) -> Result<Overridden, ServiceError> {
    let given = given.unwrap_or_default();
    if given.inference_accelerator_overrides.is_some_and(|list| !list.is_empty()) {
        return Err(invalid_parameter("Unsupported field 'inferenceAcceleratorOverrides'"));
    }
    let container = |item| container_override(body, item);
    let overrides = TaskOverrides {
        containers: each(given.container_overrides.unwrap_or_default(), container)?,
        cpu: given.cpu.as_deref().map(task_size::cpu).transpose()?.map(|units| units.to_string()),
        memory: given.memory.as_deref().map(task_size::memory).transpose()?.map(|mib| mib.to_string()),
        execution_role_arn: roles::role_arn(scope, given.execution_role_arn)?,
        task_role_arn: roles::role_arn(scope, given.task_role_arn)?,
        ephemeral_storage_gib: ephemeral_storage(given.ephemeral_storage)?,
    };
    let length = serde_json::to_vec(&overrides).map_or(usize::MAX, |json| json.len());
    if length > OVERRIDES_BYTES_MAX {
        return Err(invalid_parameter(format!(
            "Container Overrides length must be at most {OVERRIDES_BYTES_MAX}"
        )));
    }
    let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<u32>().ok());
    let cpu = number(&overrides.cpu).or(body.cpu).unwrap_or_default();
    let memory_mib = number(&overrides.memory).or(body.memory_mib).unwrap_or_default();
    check_size(body, &overrides, cpu, memory_mib)?;
    let ephemeral_storage_gib = overrides.ephemeral_storage_gib.or(body.ephemeral_storage_gib);
    Ok(Overridden { overrides, cpu, memory_mib, ephemeral_storage_gib })
}

fn container_override(
    body: &TaskDefinitionBody,
    given: wire::ContainerOverride,
) -> Result<ContainerOverride, ServiceError> {
    let name = given.name.unwrap_or_default();
    if body.container(&name).is_none() {
        return Err(invalid_parameter(format!(
            "Override for container named {name} is not a container in the TaskDefinition."
        )));
    }
    if let Some(first) = given.resource_requirements.iter().flatten().next() {
        let kind = first.r#type.as_ref().map(|kind| kind.as_str()).unwrap_or_default();
        return Err(invalid_parameter(format!(
            "Tasks using the Fargate launch type do not support {kind} resource requirements"
        )));
    }
    let (memory, memory_reservation) = memory_limits(&name, given.memory, given.memory_reservation)?;
    Ok(ContainerOverride {
        command: given.command,
        environment: each(given.environment.unwrap_or_default(), environment)?,
        environment_files: environment_files(given.environment_files.unwrap_or_default())?,
        cpu: unsigned("cpu", given.cpu)?,
        memory,
        memory_reservation,
        name,
    })
}

/// The containers fit into the task as it will run.
fn check_size(
    body: &TaskDefinitionBody,
    overrides: &TaskOverrides,
    cpu: u32,
    memory_mib: u32,
) -> Result<(), ServiceError> {
    let changed = overrides.cpu.is_some() || overrides.memory.is_some();
    if changed && !task_size::is_fargate_pair(cpu, memory_mib, body.is_windows()) {
        return Err(client("No Fargate configuration exists for given values."));
    }
    let mut cpu_sum = 0_u64;
    for container in &body.container_definitions {
        let over = overrides.containers.iter().find(|item| item.name == container.name);
        let memory = over.and_then(|over| over.memory).or(container.memory);
        let reservation = over.and_then(|over| over.memory_reservation).or(container.memory_reservation);
        if memory.max(reservation).is_some_and(|memory| memory > memory_mib) {
            return Err(client(format!(
                "The 'memory' setting for container '{}' is greater than for the task",
                container.name
            )));
        }
        cpu_sum += u64::from(over.and_then(|over| over.cpu).unwrap_or(container.cpu));
    }
    if cpu_sum > u64::from(cpu) {
        return Err(client(
            "The sum of all container 'cpu' values cannot be greater than the task-level 'cpu' value",
        ));
    }
    Ok(())
}
