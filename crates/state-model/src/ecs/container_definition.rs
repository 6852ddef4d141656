//! One container of a task definition. Lists that the API echoes only when they were given are
//! `Option<Vec<…>>`: an empty list that was given is shown again.
//!
//! Source of the fields: `ContainerDefinition` in the Amazon ECS API reference.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ecs::linux_parameters::{LinuxParameters, SystemControl, Ulimit};
use crate::ecs::log_configuration::{FirelensConfiguration, LogConfiguration, Secret};
use crate::ecs::task_definition::{EnvironmentFile, KeyValuePair};
use crate::ecs::volume::{MountPoint, VolumeFrom};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerDefinition {
    pub name: String,
    pub image: String,
    /// CPU units: a share of the task's, 0 when none was given.
    pub cpu: u32,
    /// The hard limit in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
    /// The soft limit in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_reservation: Option<u32>,
    pub essential: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub port_mappings: Vec<PortMapping>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_point: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// `user`, `user:group`, `uid`, `uid:gid`, `user:gid` or `uid:group`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<KeyValuePair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_files: Option<Vec<EnvironmentFile>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Vec<Secret>>,
    /// The secret that holds the user name and password of a private registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_credentials: Option<RepositoryCredentials>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depends_on: Option<Vec<ContainerDependency>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_timeout_secs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_timeout_secs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<RestartPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_configuration: Option<LogConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firelens_configuration: Option<FirelensConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux_parameters: Option<LinuxParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ulimits: Option<Vec<Ulimit>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub system_controls: Vec<SystemControl>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mount_points: Vec<MountPoint>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes_from: Vec<VolumeFrom>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_labels: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readonly_root_filesystem: Option<bool>,
    /// Standard input stays open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactive: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pseudo_terminal: Option<bool>,
    /// `enabled` or `disabled`: whether tags are resolved to digests once per deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_consistency: Option<String>,
    /// What only container instances know: kept for definitions that don't ask for Fargate.
    #[serde(skip_serializing_if = "InstanceOnly::is_empty")]
    pub instance_only: InstanceOnly,
}

impl ContainerDefinition {
    /// Whether its health counts for the task's.
    pub fn is_essential_with_check(&self) -> bool {
        self.essential && self.health_check.is_some()
    }
}

/// Settings that Fargate refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstanceOnly {
    pub links: Option<Vec<String>>,
    pub hostname: Option<String>,
    pub disable_networking: Option<bool>,
    pub privileged: Option<bool>,
    pub dns_servers: Option<Vec<String>>,
    pub dns_search_domains: Option<Vec<String>>,
    pub extra_hosts: Option<Vec<HostEntry>>,
    pub docker_security_options: Option<Vec<String>>,
    pub resource_requirements: Option<Vec<ResourceRequirement>>,
    pub credential_specs: Option<Vec<String>>,
}

impl InstanceOnly {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostEntry {
    pub hostname: String,
    pub ip_address: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceRequirement {
    pub value: String,
    /// `GPU`, `InferenceAccelerator` or `NeuronDevice`.
    pub kind: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryCredentials {
    /// A secret's ARN or name.
    pub credentials_parameter: String,
}

/// A port that the container listens on. Exactly one of the port and the range is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PortMapping {
    pub container_port: Option<u16>,
    pub host_port: Option<u16>,
    pub protocol: TransportProtocol,
    pub name: Option<String>,
    /// `http`, `http2` or `grpc`.
    pub app_protocol: Option<String>,
    /// `first-last`, both inclusive.
    pub container_port_range: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TransportProtocol {
    #[default]
    #[serde(rename = "tcp")]
    Tcp,
    #[serde(rename = "udp")]
    Udp,
}

impl TransportProtocol {
    pub const fn as_str(self) -> &'static str {
        match self {
            TransportProtocol::Tcp => "tcp",
            TransportProtocol::Udp => "udp",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerDependency {
    pub container_name: String,
    pub condition: DependencyCondition,
}

/// What a container waits for in another one before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DependencyCondition {
    /// It has started.
    Start,
    /// It has exited, with any code.
    Complete,
    /// It has exited with code 0.
    Success,
    /// Its health check has passed.
    Healthy,
}

impl DependencyCondition {
    pub const fn as_str(self) -> &'static str {
        match self {
            DependencyCondition::Start => "START",
            DependencyCondition::Complete => "COMPLETE",
            DependencyCondition::Success => "SUCCESS",
            DependencyCondition::Healthy => "HEALTHY",
        }
    }
}

/// With the defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Begins with `CMD`, `CMD-SHELL` or `NONE`.
    pub command: Vec<String>,
    pub interval_secs: u32,
    pub timeout_secs: u32,
    pub retries: u32,
    /// Off when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_period_secs: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RestartPolicy {
    pub enabled: bool,
    pub ignored_exit_codes: Option<Vec<i32>>,
    /// A container that ran for less than this isn't restarted.
    pub restart_attempt_period_secs: Option<u32>,
}
