//! What concerns a task definition as a whole, wherever it may run.

use std::collections::BTreeSet;

use state_model::ecs::container_definition::ContainerDefinition;
use state_model::ecs::task_definition::TaskDefinitionBody;
use wire_schema::ServiceError;

use super::{dependencies, logging, ports, proxy, volumes};
use crate::ecs::errors::client;
use crate::ecs::limits::{CONTAINERS_MAX, TASK_DEFINITION_BYTES_MAX};

pub fn check(body: &TaskDefinitionBody) -> Result<(), ServiceError> {
    let containers = &body.container_definitions;
    check_containers(containers)?;
    check_sizes(body)?;
    let awsvpc = body.network_mode.as_deref() == Some("awsvpc");
    if awsvpc {
        containers.iter().try_for_each(check_awsvpc)?;
    }
    ports::check(containers, awsvpc)?;
    dependencies::check(containers)?;
    volumes::check(containers, &body.volumes)?;
    logging::check(containers)?;
    proxy::check(body)?;
    check_secrets(body)?;
    let length = serde_json::to_vec(body).map_or(usize::MAX, |json| json.len());
    if length > TASK_DEFINITION_BYTES_MAX {
        return Err(client(format!(
            "Actual length: '{length}'. Max allowed length is '{TASK_DEFINITION_BYTES_MAX}' bytes."
        )));
    }
    Ok(())
}

fn check_containers(containers: &[ContainerDefinition]) -> Result<(), ServiceError> {
    if containers.is_empty() {
        return Err(client("Container list cannot be empty."));
    }
    if containers.len() > CONTAINERS_MAX {
        return Err(client(format!("Container list cannot have more than {CONTAINERS_MAX} elements.")));
    }
    let mut names = BTreeSet::new();
    if !containers.iter().all(|container| names.insert(container.name.as_str())) {
        return Err(client("Container names must be unique within a task definition"));
    }
    if !containers.iter().any(|container| container.essential) {
        return Err(client("Task definition doesn't have any essential container"));
    }
    Ok(())
}

/// The containers fit into the task.
fn check_sizes(body: &TaskDefinitionBody) -> Result<(), ServiceError> {
    let containers = &body.container_definitions;
    for container in containers {
        let name = &container.name;
        let largest = container.memory.max(container.memory_reservation);
        match (largest, body.memory_mib) {
            (None, None) => {
                return Err(client(format!(
                    "Invalid setting for container '{name}'. At least one of 'memory' or \
                     'memoryReservation' must be specified."
                )));
            }
            (Some(memory), Some(of_task)) if memory > of_task => {
                return Err(client(format!(
                    "The 'memory' setting for container '{name}' is greater than for the task"
                )));
            }
            _ => {}
        }
    }
    let sum: u64 = containers.iter().map(|container| u64::from(container.cpu)).sum();
    match body.cpu {
        Some(cpu) if sum > u64::from(cpu) => Err(client(
            "The sum of all container 'cpu' values cannot be greater than the task-level 'cpu' value",
        )),
        _ => Ok(()),
    }
}

/// The task's interface is all the network its containers have.
fn check_awsvpc(container: &ContainerDefinition) -> Result<(), ServiceError> {
    let only = &container.instance_only;
    let given = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    let refused = if given(&only.links) {
        "Links are not supported when networkMode=awsvpc."
    } else if only.extra_hosts.as_ref().is_some_and(|list| !list.is_empty()) {
        "Extra hosts are not supported on container when networkMode=awsvpc."
    } else if only.hostname.as_ref().is_some_and(|name| !name.is_empty()) {
        "hostname is not supported on container when networkMode=awsvpc."
    } else if given(&only.dns_servers) {
        "DNS servers are not supported on container when networkMode=awsvpc."
    } else if given(&only.dns_search_domains) {
        "DNS search domains are not supported on container when networkMode=awsvpc."
    } else if only.disable_networking == Some(true) {
        "Disable Networking is not supported on container when networkMode=awsvpc."
    } else {
        return Ok(());
    };
    Err(client(refused))
}

/// Whoever reads secrets needs the execution role.
fn check_secrets(body: &TaskDefinitionBody) -> Result<(), ServiceError> {
    let has_secrets = |container: &ContainerDefinition| {
        let of_log = container.log_configuration.as_ref().and_then(|log| log.secret_options.as_ref());
        container.secrets.iter().chain(of_log).any(|list| !list.is_empty())
    };
    if body.execution_role_arn.is_none() && body.container_definitions.iter().any(has_secrets) {
        return Err(client(
            "When you are specifying container secrets, you must also specify a value for \
             'executionRoleArn'.",
        ));
    }
    Ok(())
}
