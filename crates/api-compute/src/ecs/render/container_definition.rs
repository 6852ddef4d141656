//! Container definitions.

use state_model::ecs::container_definition::{
    ContainerDefinition, HealthCheck, HostEntry, PortMapping, ResourceRequirement, RestartPolicy,
};
use state_model::ecs::linux_parameters::{Device, LinuxParameters, Tmpfs, Ulimit};
use state_model::ecs::log_configuration::{LogConfiguration, Secret};
use state_model::ecs::task_definition::{EnvironmentFile, KeyValuePair};
use wire_shapes_compute::ecs as wire;

use super::{number, volume};

/// `cpu`, `essential` and the lists that clients compare are always there.
pub fn container_definition(container: &ContainerDefinition) -> wire::ContainerDefinition {
    let only = &container.instance_only;
    wire::ContainerDefinition {
        name: Some(container.name.clone()),
        image: Some(container.image.clone()),
        cpu: Some(number(container.cpu)),
        memory: container.memory.map(number),
        memory_reservation: container.memory_reservation.map(number),
        essential: Some(container.essential),
        port_mappings: Some(list(&container.port_mappings, port_mapping)),
        entry_point: container.entry_point.clone(),
        command: container.command.clone(),
        working_directory: container.working_directory.clone(),
        user: container.user.clone(),
        environment: Some(list(&container.environment, key_value_pair)),
        environment_files: optional(&container.environment_files, environment_file),
        secrets: optional(&container.secrets, secret),
        repository_credentials: container.repository_credentials.as_ref().map(|credentials| {
            let credentials_parameter = Some(credentials.credentials_parameter.clone());
            wire::RepositoryCredentials { credentials_parameter }
        }),
        depends_on: optional(&container.depends_on, |dependency| wire::ContainerDependency {
            container_name: Some(dependency.container_name.clone()),
            condition: Some(dependency.condition.as_str().into()),
        }),
        start_timeout: container.start_timeout_secs.map(number),
        stop_timeout: container.stop_timeout_secs.map(number),
        health_check: container.health_check.as_ref().map(health_check),
        restart_policy: container.restart_policy.as_ref().map(restart_policy),
        log_configuration: container.log_configuration.as_ref().map(log_configuration),
        firelens_configuration: container.firelens_configuration.as_ref().map(|firelens| {
            wire::FirelensConfiguration {
                r#type: Some(firelens.kind.as_str().into()),
                options: firelens.options.clone(),
            }
        }),
        linux_parameters: container.linux_parameters.as_ref().map(linux_parameters),
        ulimits: optional(&container.ulimits, ulimit),
        system_controls: Some(list(&container.system_controls, |control| wire::SystemControl {
            namespace: control.namespace.clone(),
            value: control.value.clone(),
        })),
        mount_points: Some(list(&container.mount_points, volume::mount_point)),
        volumes_from: Some(list(&container.volumes_from, volume::volume_from)),
        docker_labels: container.docker_labels.clone(),
        readonly_root_filesystem: container.readonly_root_filesystem,
        interactive: container.interactive,
        pseudo_terminal: container.pseudo_terminal,
        version_consistency: container.version_consistency.as_deref().map(Into::into),
        links: only.links.clone(),
        hostname: only.hostname.clone(),
        disable_networking: only.disable_networking,
        privileged: only.privileged,
        dns_servers: only.dns_servers.clone(),
        dns_search_domains: only.dns_search_domains.clone(),
        extra_hosts: optional(&only.extra_hosts, host_entry),
        docker_security_options: only.docker_security_options.clone(),
        resource_requirements: optional(&only.resource_requirements, resource_requirement),
        credential_specs: only.credential_specs.clone(),
    }
}

pub fn key_value_pair(pair: &KeyValuePair) -> wire::KeyValuePair {
    wire::KeyValuePair { name: Some(pair.name.clone()), value: Some(pair.value.clone()) }
}

pub fn environment_file(file: &EnvironmentFile) -> wire::EnvironmentFile {
    wire::EnvironmentFile { value: Some(file.value.clone()), r#type: Some(file.kind.as_str().into()) }
}

pub fn list<T, U>(items: &[T], render: impl Fn(&T) -> U) -> Vec<U> {
    items.iter().map(render).collect()
}

/// A list that is shown when it was given, even empty.
pub fn optional<T, U>(items: &Option<Vec<T>>, render: impl Fn(&T) -> U) -> Option<Vec<U>> {
    items.as_ref().map(|items| list(items, render))
}

fn port_mapping(mapping: &PortMapping) -> wire::PortMapping {
    wire::PortMapping {
        container_port: mapping.container_port.map(number),
        host_port: mapping.host_port.map(number),
        protocol: Some(mapping.protocol.as_str().into()),
        name: mapping.name.clone(),
        app_protocol: mapping.app_protocol.as_deref().map(Into::into),
        container_port_range: mapping.container_port_range.clone(),
    }
}

fn health_check(check: &HealthCheck) -> wire::HealthCheck {
    wire::HealthCheck {
        command: Some(check.command.clone()),
        interval: Some(number(check.interval_secs)),
        timeout: Some(number(check.timeout_secs)),
        retries: Some(number(check.retries)),
        start_period: check.start_period_secs.map(number),
    }
}

fn restart_policy(policy: &RestartPolicy) -> wire::ContainerRestartPolicy {
    wire::ContainerRestartPolicy {
        enabled: Some(policy.enabled),
        ignored_exit_codes: policy.ignored_exit_codes.clone(),
        restart_attempt_period: policy.restart_attempt_period_secs.map(number),
    }
}

fn secret(secret: &Secret) -> wire::Secret {
    wire::Secret { name: Some(secret.name.clone()), value_from: Some(secret.value_from.clone()) }
}

fn log_configuration(log: &LogConfiguration) -> wire::LogConfiguration {
    wire::LogConfiguration {
        log_driver: Some(log.log_driver.as_str().into()),
        options: log.options.clone(),
        secret_options: optional(&log.secret_options, secret),
    }
}

fn linux_parameters(linux: &LinuxParameters) -> wire::LinuxParameters {
    wire::LinuxParameters {
        capabilities: linux.capabilities.as_ref().map(|capabilities| wire::KernelCapabilities {
            add: capabilities.add.clone(),
            drop: capabilities.drop.clone(),
        }),
        init_process_enabled: linux.init_process_enabled,
        devices: optional(&linux.devices, device),
        shared_memory_size: linux.shared_memory_size_mib.map(number),
        tmpfs: optional(&linux.tmpfs, tmpfs),
        max_swap: linux.max_swap_mib.map(number),
        swappiness: linux.swappiness.map(number),
    }
}

fn device(device: &Device) -> wire::Device {
    wire::Device {
        host_path: Some(device.host_path.clone()),
        container_path: device.container_path.clone(),
        permissions: optional(&device.permissions, |permission| permission.as_str().into()),
    }
}

fn tmpfs(tmpfs: &Tmpfs) -> wire::Tmpfs {
    wire::Tmpfs {
        container_path: Some(tmpfs.container_path.clone()),
        size: Some(number(tmpfs.size_mib)),
        mount_options: tmpfs.mount_options.clone(),
    }
}

fn ulimit(limit: &Ulimit) -> wire::Ulimit {
    wire::Ulimit {
        name: Some(limit.name.as_str().into()),
        soft_limit: Some(number(limit.soft_limit)),
        hard_limit: Some(number(limit.hard_limit)),
    }
}

fn host_entry(entry: &HostEntry) -> wire::HostEntry {
    wire::HostEntry { hostname: Some(entry.hostname.clone()), ip_address: Some(entry.ip_address.clone()) }
}

fn resource_requirement(item: &ResourceRequirement) -> wire::ResourceRequirement {
    wire::ResourceRequirement {
        value: Some(item.value.clone()),
        r#type: Some(item.kind.as_str().into()),
        ..Default::default()
    }
}
