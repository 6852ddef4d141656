//! Task definitions: families of numbered, unchanging revisions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::ecs::container_definition::ContainerDefinition;
use crate::ecs::volume::Volume;
use crate::record::{IndexSink, Record};

/// One revision. Only its status, its times and its tags ever change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDefinition {
    pub scope: Scope,
    pub family: String,
    pub revision: u32,
    pub status: TaskDefinitionStatus,
    pub registered_at: Timestamp,
    /// An ARN.
    pub registered_by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deregistered_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_requested_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Where it could run, as the API computes it: `EC2`, `FARGATE`, …
    pub compatibilities: Vec<String>,
    /// The attributes that a container instance would need.
    #[serde(default)]
    pub requires_attributes: Vec<String>,
    pub body: TaskDefinitionBody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaskDefinitionStatus {
    #[serde(rename = "ACTIVE")]
    Active,
    #[serde(rename = "INACTIVE")]
    Inactive,
    /// Gone as soon as no task and no service refers to it.
    #[serde(rename = "DELETE_IN_PROGRESS")]
    DeleteInProgress,
}

impl TaskDefinitionStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            TaskDefinitionStatus::Active => "ACTIVE",
            TaskDefinitionStatus::Inactive => "INACTIVE",
            TaskDefinitionStatus::DeleteInProgress => "DELETE_IN_PROGRESS",
        }
    }
}

/// What was registered, with defaults filled in. This is what a node is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskDefinitionBody {
    pub container_definitions: Vec<ContainerDefinition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// `awsvpc` on Fargate; absent means `bridge`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requires_compatibilities: Option<Vec<String>>,
    /// CPU units of the whole task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_role_arn: Option<String>,
    /// More than the 20 GiB that every task has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_storage_gib: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_platform: Option<RuntimePlatform>,
    /// `task` or `host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipc_mode: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub placement_constraints: Vec<PlacementConstraint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_configuration: Option<ProxyConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_fault_injection: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuntimePlatform {
    /// `X86_64` or `ARM64`.
    pub cpu_architecture: Option<String>,
    /// `LINUX` or a Windows release.
    pub operating_system_family: Option<String>,
}

/// Refused on Fargate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlacementConstraint {
    pub kind: String,
    pub expression: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProxyConfiguration {
    /// Always `APPMESH`.
    pub kind: Option<String>,
    pub container_name: String,
    pub properties: Option<Vec<KeyValuePair>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValuePair {
    pub name: String,
    pub value: String,
}

/// A file of `NAME=value` lines in an object store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentFile {
    /// The object's ARN.
    pub value: String,
    /// Always `s3`.
    pub kind: String,
}

/// The ephemeral storage of a task whose definition doesn't ask for more.
pub const EPHEMERAL_STORAGE_GIB_DEFAULT: u32 = 20;

/// `account/region/family/revision`; the revision is padded so that keys sort as numbers do.
pub fn task_definition_key(scope: &Scope, family: &str, revision: u32) -> String {
    scope.key(&format!("{family}/{revision:010}"))
}

/// What the keys of all revisions of a family begin with.
pub fn family_prefix(scope: &Scope, family: &str) -> String {
    scope.key(&format!("{family}/"))
}

pub fn task_definition_arn(scope: &Scope, family: &str, revision: u32) -> String {
    scope.arn("ecs", &format!("task-definition/{family}:{revision}"))
}

impl TaskDefinition {
    /// Index: every revision of all accounts that is DELETE_IN_PROGRESS, under the empty value.
    pub const DELETING: &'static str = "deleting";

    pub fn arn(&self) -> String {
        task_definition_arn(&self.scope, &self.family, self.revision)
    }
}

impl TaskDefinitionBody {
    pub fn container(&self, name: &str) -> Option<&ContainerDefinition> {
        self.container_definitions.iter().find(|container| container.name == name)
    }

    pub fn volume(&self, name: &str) -> Option<&Volume> {
        self.volumes.iter().find(|volume| volume.name == name)
    }

    pub fn requires_fargate(&self) -> bool {
        self.requires_compatibilities.iter().flatten().any(|name| name == "FARGATE")
    }

    pub fn is_arm(&self) -> bool {
        let platform = self.runtime_platform.as_ref();
        platform.and_then(|platform| platform.cpu_architecture.as_deref()) == Some("ARM64")
    }

    pub fn is_windows(&self) -> bool {
        let platform = self.runtime_platform.as_ref();
        platform
            .and_then(|platform| platform.operating_system_family.as_deref())
            .is_some_and(|family| family.starts_with("WINDOWS"))
    }
}

impl Record for TaskDefinition {
    const TABLE: &'static str = "ecs-task-definition";

    fn key(&self) -> String {
        task_definition_key(&self.scope, &self.family, self.revision)
    }

    fn index(&self, sink: IndexSink<'_>) {
        // Whether a family has any revision of a status is asked for every line of a listing.
        sink("family-status", self.scope.key(&format!("{}/{}", self.family, self.status.as_str())));
        if self.status == TaskDefinitionStatus::DeleteInProgress {
            sink(Self::DELETING, String::new());
        }
    }
}

/// A family, made with its first revision and kept for ever: a revision's number is never given twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDefinitionFamily {
    pub scope: Scope,
    pub name: String,
    /// The highest revision that was removed for good. The next revision is greater than this and than all
    /// that exist.
    pub revision_floor: u32,
}

impl Record for TaskDefinitionFamily {
    const TABLE: &'static str = "ecs-task-definition-family";

    fn key(&self) -> String {
        self.scope.key(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_sort_as_numbers() {
        let scope = Scope::new("000000000000", "us-east-1");
        assert!(task_definition_key(&scope, "web", 9) < task_definition_key(&scope, "web", 10));
        assert!(task_definition_key(&scope, "web", 9).starts_with(&family_prefix(&scope, "web")));
        assert!(!task_definition_key(&scope, "web-a", 9).starts_with(&family_prefix(&scope, "web")));
        assert_eq!(
            task_definition_arn(&scope, "web", 9),
            "arn:aws:ecs:us-east-1:000000000000:task-definition/web:9"
        );
    }

    #[test]
    fn a_body_takes_little_room() {
        let container = ContainerDefinition { name: "a".into(), image: "b".into(), ..Default::default() };
        let body = TaskDefinitionBody { container_definitions: vec![container], ..Default::default() };
        let json = serde_json::to_string(&body).expect("plain data");
        assert_eq!(json, r#"{"container_definitions":[{"name":"a","image":"b","cpu":0,"essential":false}]}"#);
        assert_eq!(serde_json::from_str::<TaskDefinitionBody>(&json).ok(), Some(body));
    }
}
