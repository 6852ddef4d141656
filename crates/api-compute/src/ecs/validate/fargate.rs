//! What Fargate adds: checked when a definition asks for Fargate, and otherwise to tell whether it would run
//! there.

use state_model::ecs::container_definition::ContainerDefinition;
use state_model::ecs::linux_parameters::LinuxParameters;
use state_model::ecs::task_definition::TaskDefinitionBody;
use state_model::ecs::volume::Volume;
use wire_schema::ServiceError;

use super::{names, task_size};
use crate::ecs::errors::client;

/// Of starting and of stopping.
const TIMEOUT_SECS: std::ops::RangeInclusive<u32> = 2..=120;
const LOG_DRIVERS: &[&str] = &["awslogs", "splunk", "awsfirelens"];
const WINDOWS_FAMILIES: &[&str] = &[
    "WINDOWS_SERVER_2019_CORE",
    "WINDOWS_SERVER_2019_FULL",
    "WINDOWS_SERVER_2022_CORE",
    "WINDOWS_SERVER_2022_FULL",
    "WINDOWS_SERVER_2025_CORE",
    "WINDOWS_SERVER_2025_FULL",
    "WINDOWS_SERVER_20H2_CORE",
];

/// The task itself: network, size, platform.
pub fn check_task(body: &TaskDefinitionBody) -> Result<(), ServiceError> {
    if body.network_mode.as_deref() != Some("awsvpc") {
        // The quotes are AWS's.
        return Err(client("Fargate only supports network mode ‘awsvpc’."));
    }
    let Some(cpu) = body.cpu else {
        return Err(client("Fargate requires that 'cpu' be defined at the task level."));
    };
    let Some(memory_mib) = body.memory_mib else {
        return Err(client("Fargate requires that 'memory' be defined at the task level."));
    };
    let windows = body.is_windows();
    if !task_size::is_fargate_pair(cpu, memory_mib, windows) || (windows && body.is_arm()) {
        return Err(client("No Fargate configuration exists for given values."));
    }
    let platform = body.runtime_platform.as_ref();
    let system = platform.and_then(|platform| platform.operating_system_family.as_deref());
    if windows && !system.is_some_and(|system| WINDOWS_FAMILIES.contains(&system)) {
        return Err(client("No Fargate configuration exists for given values."));
    }
    match body.pid_mode.as_deref() {
        None => {}
        Some("task") if !windows => {}
        Some(mode) => {
            return Err(client(format!(
                "Tasks using the Fargate launch type do not support pidMode '{mode}'"
            )));
        }
    }
    if body.ipc_mode.is_some() {
        return Err(unsupported("ipcMode"));
    }
    if !body.placement_constraints.is_empty() {
        return Err(unsupported("constraints"));
    }
    Ok(())
}

pub fn check_containers(body: &TaskDefinitionBody) -> Result<(), ServiceError> {
    for container in &body.container_definitions {
        check_settings(container)?;
        if let Some(linux) = &container.linux_parameters {
            check_linux(linux)?;
        }
        check_timeouts(container)?;
        check_logs(body, container)?;
        if body.execution_role_arn.is_none() && names::is_ecr_image(&container.image) {
            return Err(client(
                "Fargate requires task definition to have execution role ARN to support ECR images.",
            ));
        }
    }
    body.volumes.iter().try_for_each(check_volume)
}

fn check_settings(container: &ContainerDefinition) -> Result<(), ServiceError> {
    let only = &container.instance_only;
    if only.privileged == Some(true) {
        return Err(client("Fargate requires that the 'privileged' setting be 'false'."));
    }
    if only.docker_security_options.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(unsupported("dockerSecurityOptions"));
    }
    if only.credential_specs.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(unsupported("credentialSpecs"));
    }
    match only.resource_requirements.as_ref().and_then(|list| list.first()) {
        None => Ok(()),
        Some(first) => Err(client(format!(
            "Tasks using the Fargate launch type do not support {} resource requirements",
            first.kind
        ))),
    }
}

fn check_linux(linux: &LinuxParameters) -> Result<(), ServiceError> {
    let mut added = linux.capabilities.iter().flat_map(|capabilities| capabilities.add.iter().flatten());
    if let Some(name) = added.find(|name| name.as_str() != "SYS_PTRACE") {
        return Err(client(format!("{name} is not allowed on Fargate.")));
    }
    if linux.devices.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(unsupported("devices"));
    }
    if linux.tmpfs.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(unsupported("tmpfs"));
    }
    if linux.shared_memory_size_mib.is_some() {
        return Err(unsupported("sharedMemorySize"));
    }
    if linux.max_swap_mib.is_some() {
        return Err(unsupported("maxSwap"));
    }
    if linux.swappiness.is_some() {
        return Err(unsupported("swappiness"));
    }
    Ok(())
}

fn check_timeouts(container: &ContainerDefinition) -> Result<(), ServiceError> {
    let outside = |timeout: Option<u32>| timeout.is_some_and(|timeout| !TIMEOUT_SECS.contains(&timeout));
    if container.stop_timeout_secs.is_some_and(|timeout| timeout > *TIMEOUT_SECS.end()) {
        return Err(client(
            "Tasks using the Fargate launch type must have a container stop timeout of less than 120 \
             seconds.",
        ));
    }
    if outside(container.stop_timeout_secs) {
        return Err(client(
            "Tasks using the Fargate launch type must have a container stop timeout of at least 2 seconds.",
        ));
    }
    if outside(container.start_timeout_secs) {
        return Err(client(
            "Tasks using the Fargate launch type must have a container start timeout between 2 and 120 \
             seconds.",
        ));
    }
    Ok(())
}

fn check_logs(body: &TaskDefinitionBody, container: &ContainerDefinition) -> Result<(), ServiceError> {
    if let Some(firelens) = &container.firelens_configuration
        && firelens
            .options
            .as_ref()
            .and_then(|options| options.get("config-file-type"))
            .is_some_and(|kind| kind != "file")
    {
        return Err(client(
            "Tasks using the Fargate launch type only support the firelens config-file-type 'file'",
        ));
    }
    let Some(log) = &container.log_configuration else { return Ok(()) };
    if !LOG_DRIVERS.contains(&log.log_driver.as_str()) {
        return Err(client(format!(
            "{} is not a valid log driver. Must be one of [{}]",
            log.log_driver,
            LOG_DRIVERS.join(", ")
        )));
    }
    if log.log_driver != "awslogs" {
        return Ok(());
    }
    if body.execution_role_arn.is_none() {
        return Err(client(
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ));
    }
    if log.option("awslogs-stream-prefix").is_none() {
        return Err(client(
            "Fargate requires log configuration options to include awslogs-stream-prefix to support log \
             driver awslogs.",
        ));
    }
    Ok(())
}

fn check_volume(volume: &Volume) -> Result<(), ServiceError> {
    if volume.host.as_ref().is_some_and(|host| host.source_path.is_some()) {
        return Err(unsupported("sourcePath"));
    }
    if volume.docker.is_some() {
        return Err(unsupported("dockerVolumeConfiguration"));
    }
    if volume.fsx_windows.is_some() {
        return Err(unsupported("fsxWindowsFileServerVolumeConfiguration"));
    }
    Ok(())
}

fn unsupported(what: &str) -> ServiceError {
    client(format!("Fargate compatible task definitions do not support {what}"))
}
