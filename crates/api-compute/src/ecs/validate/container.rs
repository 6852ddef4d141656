//! One container definition, field by field. What concerns several containers is in [`super::task_rules`].

use state_model::ecs::container_definition::{
    ContainerDefinition, HostEntry, InstanceOnly, RepositoryCredentials, ResourceRequirement, RestartPolicy,
};
use state_model::ecs::task_definition::{EnvironmentFile, KeyValuePair};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use super::numbers::{unsigned, within};
use super::{dependencies, health_check, linux, logging, names, ports, volumes};
use crate::ecs::errors::client;
use crate::ecs::limits::{ENVIRONMENT_FILES_MAX, IGNORED_EXIT_CODES_MAX, MEMORY_MIB_MIN};

const RESTART_ATTEMPT_PERIOD_SECS: (u32, u32) = (60, 1800);
const RESTART_ATTEMPT_PERIOD_SECS_DEFAULT: u32 = 300;

pub fn container_definition(
    given: wire::ContainerDefinition,
    network_mode: Option<&str>,
) -> Result<ContainerDefinition, ServiceError> {
    let instance_only = instance_only(&given);
    let name = names::container(given.name)?;
    let image = names::image(given.image)?;
    let (memory, memory_reservation) = memory_limits(&name, given.memory, given.memory_reservation)?;
    let repository_credentials = given.repository_credentials.map(|given| RepositoryCredentials {
        credentials_parameter: given.credentials_parameter.unwrap_or_default(),
    });
    let health_check =
        given.health_check.map(|given| health_check::health_check(&name, given)).transpose()?;
    let restart_policy = given.restart_policy.map(|given| restart_policy(&name, given)).transpose()?;
    let port = |mapping| ports::port_mapping(mapping, network_mode);
    Ok(ContainerDefinition {
        image,
        cpu: unsigned("cpu", given.cpu)?.unwrap_or(0),
        memory,
        memory_reservation,
        essential: given.essential.unwrap_or(true),
        port_mappings: each(given.port_mappings.unwrap_or_default(), port)?,
        entry_point: given.entry_point,
        command: given.command,
        working_directory: given.working_directory,
        user: given.user.map(|user| check_user(&name, user)).transpose()?,
        environment: each(given.environment.unwrap_or_default(), environment)?,
        environment_files: given.environment_files.map(environment_files).transpose()?,
        secrets: given.secrets.map(logging::secrets).transpose()?,
        repository_credentials,
        depends_on: given.depends_on.map(|list| each(list, dependencies::dependency)).transpose()?,
        start_timeout_secs: unsigned("startTimeout", given.start_timeout)?,
        stop_timeout_secs: unsigned("stopTimeout", given.stop_timeout)?,
        health_check,
        restart_policy,
        log_configuration: given.log_configuration.map(logging::log_configuration).transpose()?,
        firelens_configuration: given.firelens_configuration.map(logging::firelens).transpose()?,
        linux_parameters: given.linux_parameters.map(linux::linux_parameters).transpose()?,
        ulimits: given.ulimits.map(|list| each(list, linux::ulimit)).transpose()?,
        system_controls: each(given.system_controls.unwrap_or_default(), linux::system_control)?,
        mount_points: given.mount_points.unwrap_or_default().into_iter().map(volumes::mount_point).collect(),
        volumes_from: given.volumes_from.unwrap_or_default().into_iter().map(volumes::volume_from).collect(),
        docker_labels: given.docker_labels,
        readonly_root_filesystem: given.readonly_root_filesystem,
        interactive: given.interactive,
        pseudo_terminal: given.pseudo_terminal,
        version_consistency: given.version_consistency.map(version_consistency).transpose()?,
        instance_only,
        name,
    })
}

pub fn key_value_pair(given: wire::KeyValuePair) -> KeyValuePair {
    KeyValuePair { name: given.name.unwrap_or_default(), value: given.value.unwrap_or_default() }
}

/// A variable of the environment.
pub fn environment(given: wire::KeyValuePair) -> Result<KeyValuePair, ServiceError> {
    let pair = key_value_pair(given);
    if pair.name.is_empty() {
        return Err(client("Environment variable name should not be null or empty."));
    }
    // Such a variable could not be handed to any process.
    if pair.name.contains(['=', '\0']) || pair.value.contains('\0') {
        return Err(client(format!("Invalid environment variable: '{}'.", pair.name.escape_debug())));
    }
    Ok(pair)
}

pub fn environment_files(given: Vec<wire::EnvironmentFile>) -> Result<Vec<EnvironmentFile>, ServiceError> {
    if given.len() > ENVIRONMENT_FILES_MAX {
        return Err(client(
            "The maximum number of environment files was exceeded. Specify ten or less and try again",
        ));
    }
    each(given, environment_file)
}

/// The limits of a container's memory, in MiB.
pub fn memory_limits(
    container: &str,
    memory: Option<i32>,
    reservation: Option<i32>,
) -> Result<(Option<u32>, Option<u32>), ServiceError> {
    let limits = (unsigned("memory", memory)?, unsigned("memoryReservation", reservation)?);
    let invalid =
        |detail: &str| Err(client(format!("Invalid setting for container '{container}'. {detail}")));
    if limits.0.is_some_and(|memory| memory < MEMORY_MIB_MIN) {
        return invalid("'memory' must be greater than or equal to 6");
    }
    if limits.1.is_some_and(|reservation| reservation < MEMORY_MIB_MIN) {
        return invalid("'memoryReservation' must be greater than or equal to 6");
    }
    match limits {
        (Some(memory), Some(reservation)) if memory < reservation => {
            invalid("'memory' must be greater than or equal to 'memoryReservation'")
        }
        limits => Ok(limits),
    }
}

pub fn each<T, U>(
    items: Vec<T>,
    convert: impl Fn(T) -> Result<U, ServiceError>,
) -> Result<Vec<U>, ServiceError> {
    items.into_iter().map(convert).collect()
}

fn environment_file(given: wire::EnvironmentFile) -> Result<EnvironmentFile, ServiceError> {
    let kind = given.r#type.map_or_else(|| String::from("s3"), |kind| kind.as_str().to_owned());
    if kind != "s3" {
        return Err(client("Environment file type must be one of [s3]"));
    }
    let value = given.value.unwrap_or_default();
    let is_object = value
        .strip_prefix("arn:")
        .and_then(|rest| rest.split_once(":s3:::"))
        .is_some_and(|(_, object)| object.contains('/'));
    if !is_object {
        return Err(client("Invalid arn syntax"));
    }
    if !value.ends_with(".env") {
        return Err(client("Environment files must have a .env file extension"));
    }
    Ok(EnvironmentFile { value, kind })
}

fn restart_policy(
    container: &str,
    given: wire::ContainerRestartPolicy,
) -> Result<RestartPolicy, ServiceError> {
    let enabled = given.enabled.unwrap_or(false);
    if given.ignored_exit_codes.as_ref().is_some_and(|codes| codes.len() > IGNORED_EXIT_CODES_MAX) {
        return Err(client(format!(
            "the 'ignoredExitCodes' setting for container '{container}' must have at most \
             {IGNORED_EXIT_CODES_MAX} entries"
        )));
    }
    let range = RESTART_ATTEMPT_PERIOD_SECS;
    let period = within(container, "restartAttemptPeriod", given.restart_attempt_period, range)?;
    Ok(RestartPolicy {
        enabled,
        ignored_exit_codes: given.ignored_exit_codes,
        restart_attempt_period_secs: period.or(enabled.then_some(RESTART_ATTEMPT_PERIOD_SECS_DEFAULT)),
    })
}

/// `user`, `user:group`, and the same with ids.
fn check_user(container: &str, user: String) -> Result<String, ServiceError> {
    let mut parts = user.split(':');
    let good =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    let valid = parts.next().is_some_and(good) && parts.next().is_none_or(good) && parts.next().is_none();
    if valid || user.is_empty() {
        return Ok(user);
    }
    Err(client(format!("Invalid 'user' setting for container '{container}'.")))
}

fn version_consistency(given: wire::VersionConsistency) -> Result<String, ServiceError> {
    if given.is_known() {
        return Ok(given.as_str().to_owned());
    }
    Err(client("versionConsistency must be one of [enabled, disabled]"))
}

fn instance_only(given: &wire::ContainerDefinition) -> InstanceOnly {
    let host_entry = |entry: &wire::HostEntry| HostEntry {
        hostname: entry.hostname.clone().unwrap_or_default(),
        ip_address: entry.ip_address.clone().unwrap_or_default(),
    };
    let requirement = |item: &wire::ResourceRequirement| ResourceRequirement {
        value: item.value.clone().unwrap_or_default(),
        kind: item.r#type.as_ref().map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
    };
    InstanceOnly {
        links: given.links.clone(),
        hostname: given.hostname.clone(),
        disable_networking: given.disable_networking,
        privileged: given.privileged,
        dns_servers: given.dns_servers.clone(),
        dns_search_domains: given.dns_search_domains.clone(),
        extra_hosts: given.extra_hosts.as_ref().map(|list| list.iter().map(host_entry).collect()),
        docker_security_options: given.docker_security_options.clone(),
        resource_requirements: given
            .resource_requirements
            .as_ref()
            .map(|list| list.iter().map(requirement).collect()),
        credential_specs: given.credential_specs.clone(),
    }
}
