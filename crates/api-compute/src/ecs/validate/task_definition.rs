//! A whole task definition.

use state_model::Scope;
use state_model::ecs::task_definition::{PlacementConstraint, RuntimePlatform, TaskDefinitionBody};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use super::container::{container_definition, each};
use super::{fargate, names, proxy, roles, task_rules, task_size, volumes};
use crate::ecs::errors::client;
use crate::ecs::limits::PLACEMENT_CONSTRAINTS_MAX;

const EPHEMERAL_STORAGE_GIB: (i32, i32) = (21, 200);

/// A definition that may be registered.
#[derive(Debug)]
pub struct Valid {
    pub family: String,
    pub body: TaskDefinitionBody,
    /// Whether Fargate would take it, asked for or not.
    pub runs_on_fargate: bool,
}

pub fn task_definition(
    scope: &Scope,
    given: wire::RegisterTaskDefinitionRequest,
) -> Result<Valid, ServiceError> {
    let family = names::family(given.family)?;
    if given.inference_accelerators.is_some_and(|list| !list.is_empty()) {
        return Err(client("Unsupported field 'inferenceAccelerators'"));
    }
    if given.trusted_execution_configuration.is_some() {
        return Err(client(
            "trustedExecutionConfiguration is only supported by the MANAGED_INSTANCES launch type",
        ));
    }
    let requires_compatibilities = given.requires_compatibilities.map(compatibilities).transpose()?;
    let network_mode = known("networkMode", given.network_mode, wire::NetworkMode::is_known)?
        .map(|mode| mode.as_str().to_owned());
    let container = |given| container_definition(given, network_mode.as_deref());
    let body = TaskDefinitionBody {
        container_definitions: each(given.container_definitions.unwrap_or_default(), container)?,
        volumes: each(given.volumes.unwrap_or_default(), volumes::volume)?,
        cpu: given.cpu.as_deref().map(task_size::cpu).transpose()?,
        memory_mib: given.memory.as_deref().map(task_size::memory).transpose()?,
        task_role_arn: roles::role_arn(scope, given.task_role_arn)?,
        execution_role_arn: roles::role_arn(scope, given.execution_role_arn)?,
        ephemeral_storage_gib: ephemeral_storage(given.ephemeral_storage)?,
        runtime_platform: given.runtime_platform.map(runtime_platform).transpose()?,
        pid_mode: known("pidMode", given.pid_mode, wire::PidMode::is_known)?
            .map(|mode| mode.as_str().to_owned()),
        ipc_mode: known("ipcMode", given.ipc_mode, wire::IpcMode::is_known)?
            .map(|mode| mode.as_str().to_owned()),
        placement_constraints: placement_constraints(given.placement_constraints.unwrap_or_default())?,
        proxy_configuration: given.proxy_configuration.map(proxy::proxy_configuration),
        enable_fault_injection: given.enable_fault_injection,
        requires_compatibilities,
        network_mode,
    };
    let runs_on_fargate = check(&body)?;
    Ok(Valid { family, body, runs_on_fargate })
}

/// The size of the ephemeral storage, in a definition or an override.
pub fn ephemeral_storage(given: Option<wire::EphemeralStorage>) -> Result<Option<u32>, ServiceError> {
    let Some(size) = given.map(|storage| storage.size_in_gib.unwrap_or_default()) else { return Ok(None) };
    let (least, most) = EPHEMERAL_STORAGE_GIB;
    if size < least {
        return Err(client(format!("EphemeralStorage size should be at least {least}")));
    }
    if size > most {
        return Err(client(format!("EphemeralStorage size should be at most {most}")));
    }
    Ok(u32::try_from(size).ok())
}

/// Fargate's own findings come first where a definition asks for Fargate: they name what to change.
fn check(body: &TaskDefinitionBody) -> Result<bool, ServiceError> {
    let requires = |name: &str| body.requires_compatibilities.iter().flatten().any(|given| given == name);
    if body.container_definitions.is_empty() {
        return Err(client("Container list cannot be empty."));
    }
    if requires("EC2") && body.ephemeral_storage_gib.is_some() {
        return Err(client("Tasks using the EC2 launch type do not support EphemeralStorage"));
    }
    if requires("FARGATE") {
        fargate::check_task(body)?;
        task_rules::check(body)?;
        fargate::check_containers(body)?;
        return Ok(true);
    }
    if let Some(cpu) = body.cpu {
        task_size::instance_cpu(cpu)?;
    }
    task_rules::check(body)?;
    Ok(fargate::check_task(body).and_then(|()| fargate::check_containers(body)).is_ok())
}

fn compatibilities(given: Vec<wire::Compatibility>) -> Result<Vec<String>, ServiceError> {
    each(given, |item| {
        known("requiresCompatibilities", Some(item), wire::Compatibility::is_known)
            .map(|item| item.map(|item| item.as_str().to_owned()).unwrap_or_default())
    })
}

fn runtime_platform(given: wire::RuntimePlatform) -> Result<RuntimePlatform, ServiceError> {
    let architecture = known("cpuArchitecture", given.cpu_architecture, wire::CPUArchitecture::is_known)?;
    let system = known("operatingSystemFamily", given.operating_system_family, wire::OSFamily::is_known)?;
    Ok(RuntimePlatform {
        cpu_architecture: architecture.map(|value| value.as_str().to_owned()),
        operating_system_family: system.map(|value| value.as_str().to_owned()),
    })
}

fn placement_constraints(
    given: Vec<wire::TaskDefinitionPlacementConstraint>,
) -> Result<Vec<PlacementConstraint>, ServiceError> {
    if given.len() > PLACEMENT_CONSTRAINTS_MAX {
        return Err(client(format!(
            "A task definition can have at most {PLACEMENT_CONSTRAINTS_MAX} placement constraints."
        )));
    }
    each(given, |item| {
        let kind = item.r#type.filter(wire::TaskDefinitionPlacementConstraintType::is_known);
        let kind = kind.ok_or_else(|| client("Placement constraint type must be one of [memberOf]"))?;
        Ok(PlacementConstraint { kind: kind.as_str().to_owned(), expression: item.expression })
    })
}

/// A value of the model's enum, or a refusal that names the field.
fn known<T: std::fmt::Display>(
    field: &str,
    value: Option<T>,
    is_known: fn(&T) -> bool,
) -> Result<Option<T>, ServiceError> {
    match value {
        Some(value) if !is_known(&value) => Err(client(format!("Invalid '{field}' setting: {value}."))),
        value => Ok(value),
    }
}
