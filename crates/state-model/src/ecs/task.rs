//! A task: column groups with one writer each, and the status computed from them.
//!
//! Source of the states: "Amazon ECS task lifecycle" in the ECS Developer Guide.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::ecs::task_definition::{EnvironmentFile, KeyValuePair};
use crate::record::{IndexSink, Record};

/// `account/region/cluster/id`: the key of every column group of one task.
pub fn task_key(scope: &Scope, cluster: &str, id: &str) -> String {
    scope.key(&format!("{cluster}/{id}"))
}

/// What was asked for. Written by the API, or by a deployment when it creates the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskIntent {
    pub scope: Scope,
    /// The cluster's name.
    pub cluster: String,
    /// 32 hexadecimal digits.
    pub id: String,
    pub task_definition_arn: String,
    pub family: String,
    pub task_revision: u32,
    #[serde(default)]
    pub overrides: TaskOverrides,
    /// CPU units and MiB of the whole task, after overrides, as the API reports them.
    pub cpu: u32,
    pub memory_mib: u32,
    pub ephemeral_storage_gib: u32,
    /// `FARGATE` or `EC2`.
    pub launch_type: String,
    #[serde(default)]
    pub capacity_provider_name: Option<String>,
    pub platform_version: String,
    /// `Linux`, in the case that tasks report it.
    pub platform_family: String,
    /// `x86_64` or `arm64`, as in the attribute `ecs.cpu-architecture`.
    pub cpu_architecture: String,
    pub group: String,
    #[serde(default)]
    pub started_by: Option<String>,
    /// The service that keeps it running.
    #[serde(default)]
    pub service: Option<TaskService>,
    #[serde(default)]
    pub enable_execute_command: bool,
    pub network: TaskNetwork,
    pub containers: Vec<TaskContainer>,
    pub created_at: Timestamp,
    /// Who asked for it: an ARN.
    #[serde(default)]
    pub created_by: String,
    #[serde(default)]
    pub stop: Option<StopRequest>,
    #[serde(default)]
    pub protection: Option<Protection>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The tags that StopTask took from it: what it used is told apart by them.
    #[serde(default)]
    pub stopped_tags: Option<BTreeMap<String, String>>,
    /// How often this column group was written after the creation: part of the task's `version`.
    #[serde(default)]
    pub changes: u32,
}

/// What a task is to its service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskService {
    pub name: String,
    /// [`super::service::Service::uid`]: another service of the same name has other tasks.
    pub uid: String,
    /// The id of the service revision that it runs.
    pub revision: String,
}

/// Where the task's network interface goes. The API chooses the subnet, since it answers with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskNetwork {
    /// The id of the attachment, a UUID.
    pub attachment_id: String,
    pub subnet_id: String,
    pub availability_zone: String,
    pub security_groups: Vec<String>,
    pub assign_public_ip: bool,
}

/// The identity of a container, made at the task's creation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskContainer {
    pub name: String,
    /// The last part of the container's ARN, a UUID.
    pub id: String,
    /// `<task id>-<ten digits>`.
    pub runtime_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRequest {
    pub code: StopCode,
    pub reason: String,
    pub at: Timestamp,
}

/// Why a task stopped, as `stopCode` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopCode {
    TaskFailedToStart,
    EssentialContainerExited,
    UserInitiated,
    ServiceSchedulerInitiated,
    SpotInterruption,
    TerminationNotice,
    InfrastructureHealth,
}

impl StopCode {
    pub const fn as_str(self) -> &'static str {
        match self {
            StopCode::TaskFailedToStart => "TaskFailedToStart",
            StopCode::EssentialContainerExited => "EssentialContainerExited",
            StopCode::UserInitiated => "UserInitiated",
            StopCode::ServiceSchedulerInitiated => "ServiceSchedulerInitiated",
            StopCode::SpotInterruption => "SpotInterruption",
            StopCode::TerminationNotice => "TerminationNotice",
            StopCode::InfrastructureHealth => "InfrastructureHealth",
        }
    }
}

/// Scale-in protection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    pub expires_at: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskOverrides {
    pub containers: Vec<ContainerOverride>,
    pub cpu: Option<String>,
    pub memory: Option<String>,
    pub execution_role_arn: Option<String>,
    pub task_role_arn: Option<String>,
    pub ephemeral_storage_gib: Option<u32>,
}

/// Only what is given replaces the definition's value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerOverride {
    pub name: String,
    pub command: Option<Vec<String>>,
    pub environment: Vec<KeyValuePair>,
    pub environment_files: Vec<EnvironmentFile>,
    pub cpu: Option<u32>,
    pub memory: Option<u32>,
    pub memory_reservation: Option<u32>,
}

impl TaskIntent {
    pub fn arn(&self) -> String {
        self.scope.arn("ecs", &format!("task/{}/{}", self.cluster, self.id))
    }

    pub fn cluster_arn(&self) -> String {
        self.scope.arn("ecs", &format!("cluster/{}", self.cluster))
    }

    pub fn container_arn(&self, container: &TaskContainer) -> String {
        self.scope.arn("ecs", &format!("container/{}/{}/{}", self.cluster, self.id, container.id))
    }
}

impl Record for TaskIntent {
    const TABLE: &'static str = "ecs-task-intent";

    fn key(&self) -> String {
        task_key(&self.scope, &self.cluster, &self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink("arn", self.arn());
        sink("task-definition", self.task_definition_arn.clone());
        let cluster = self.scope.key(&self.cluster);
        sink("family", format!("{cluster}/{}", self.family));
        sink("group", format!("{cluster}/{}", self.group));
        if let Some(started_by) = &self.started_by {
            sink("started-by", format!("{cluster}/{started_by}"));
        }
    }
}

/// Where it runs. Written once by the placement loop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskPlacement {
    pub scope: Scope,
    pub cluster: String,
    pub id: String,
    pub outcome: PlacementOutcome,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlacementOutcome {
    Placed(Placed),
    /// No node or address can be had: the task ends before it began, with this `stoppedReason`.
    Refused {
        reason: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    pub node: String,
    /// An agent ignores assignments that aren't newer than what it knows.
    pub generation: u64,
    pub eni_id: String,
    pub vpc_id: String,
    /// The private IPv4 address.
    pub address: std::net::Ipv4Addr,
    /// In a dual-stack subnet.
    #[serde(default)]
    pub ipv6_address: Option<std::net::Ipv6Addr>,
    /// `0a:…`, lowercase with colons.
    pub mac_address: String,
    pub private_dns_name: String,
}

impl TaskPlacement {
    pub fn placed(&self) -> Option<&Placed> {
        match &self.outcome {
            PlacementOutcome::Placed(placed) => Some(placed),
            PlacementOutcome::Refused { .. } => None,
        }
    }
}

impl Record for TaskPlacement {
    const TABLE: &'static str = "ecs-task-placement";

    fn key(&self) -> String {
        task_key(&self.scope, &self.cluster, &self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        if let Some(placed) = self.placed() {
            sink("node", placed.node.clone());
            sink("eni", placed.eni_id.clone());
        }
    }
}

/// What the node saw. Written by dispatch from the assigned agent's report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskObservation {
    pub scope: Scope,
    pub cluster: String,
    pub id: String,
    pub generation: u64,
    pub phase: Phase,
    #[serde(default)]
    pub containers: Vec<ObservedContainer>,
    #[serde(default)]
    pub times: ObservedTimes,
    #[serde(default)]
    pub stop: Option<ObservedStop>,
    /// How many reports changed something: part of the task's `version`.
    #[serde(default)]
    pub changes: u32,
}

/// How far the node has come with a task. Only moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// The network interface is being made.
    Provisioning,
    /// The interface is attached; images, secrets and volumes are being prepared.
    Pending,
    /// Containers are starting.
    Activating,
    Running,
    /// Stop signals are out.
    Stopping,
    /// Containers are gone; the interface is being removed.
    Deprovisioning,
    Stopped,
}

impl Phase {
    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::Provisioning => "PROVISIONING",
            Phase::Pending => "PENDING",
            Phase::Activating => "ACTIVATING",
            Phase::Running => "RUNNING",
            Phase::Stopping => "STOPPING",
            Phase::Deprovisioning => "DEPROVISIONING",
            Phase::Stopped => "STOPPED",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedTimes {
    pub connectivity_at: Option<Timestamp>,
    pub pull_started_at: Option<Timestamp>,
    pub pull_stopped_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub stopping_at: Option<Timestamp>,
    pub execution_stopped_at: Option<Timestamp>,
    pub stopped_at: Option<Timestamp>,
}

/// What ended the task, as the node saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ObservedStop {
    /// The intent's stop request was carried out.
    Requested,
    EssentialContainerExited,
    /// The whole `stoppedReason`, for example `CannotPullContainerError: …`.
    FailedToStart {
        reason: String,
    },
    /// The node lost the task: its supervisor is gone, or the machine restarted.
    Lost {
        reason: String,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedContainer {
    pub name: String,
    /// `PENDING`, `RUNNING` or `STOPPED`.
    pub status: ContainerStatus,
    pub image_digest: Option<String>,
    pub exit_code: Option<i32>,
    pub reason: Option<String>,
    pub health: Health,
    pub restart_count: u32,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ContainerStatus {
    #[default]
    Pending,
    Running,
    Stopped,
}

impl ContainerStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            ContainerStatus::Pending => "PENDING",
            ContainerStatus::Running => "RUNNING",
            ContainerStatus::Stopped => "STOPPED",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    #[default]
    Unknown,
    Healthy,
    Unhealthy,
}

impl Health {
    pub const fn as_str(self) -> &'static str {
        match self {
            Health::Unknown => "UNKNOWN",
            Health::Healthy => "HEALTHY",
            Health::Unhealthy => "UNHEALTHY",
        }
    }
}

impl Record for TaskObservation {
    const TABLE: &'static str = "ecs-task-observed";

    fn key(&self) -> String {
        task_key(&self.scope, &self.cluster, &self.id)
    }
}

/// `lastStatus` of a task whose targets drain.
const DEACTIVATING: &str = "DEACTIVATING";

/// The column groups of one task, side by side.
#[derive(Clone, Copy, Debug)]
pub struct TaskColumns<'a> {
    pub intent: &'a TaskIntent,
    pub placement: Option<&'a TaskPlacement>,
    pub observation: Option<&'a TaskObservation>,
    /// Whether it is registered with a target group: it is stopped only after it has drained.
    pub attached: bool,
}

/// `stopCode` and `stoppedReason`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopFacts {
    pub code: StopCode,
    pub reason: String,
}

impl TaskColumns<'_> {
    /// The task's `lastStatus`. Nobody stores it.
    pub fn last_status(&self) -> &'static str {
        match (self.observation, self.placement) {
            (Some(observation), _) if self.is_draining(observation.phase) => DEACTIVATING,
            (Some(observation), _) => observation.phase.as_str(),
            (None, Some(placement)) if placement.placed().is_none() => Phase::Stopped.as_str(),
            // Stopped before it was placed: no node has ever heard of it, so nothing is left to wait for.
            (None, None) if self.intent.stop.is_some() => Phase::Stopped.as_str(),
            (None, _) => Phase::Provisioning.as_str(),
        }
    }

    /// Its end is decided, and its targets still finish what they have begun.
    fn is_draining(&self, phase: Phase) -> bool {
        self.attached && self.intent.stop.is_some() && phase <= Phase::Running
    }

    pub fn is_stopped(&self) -> bool {
        self.last_status() == Phase::Stopped.as_str()
    }

    /// The task's `desiredStatus`: STOPPED as soon as anything has decided its end.
    pub fn desired_status(&self) -> &'static str {
        let ending = self.intent.stop.is_some()
            || self.observation.is_some_and(|observation| observation.stop.is_some())
            || self.is_stopped();
        if ending { "STOPPED" } else { "RUNNING" }
    }

    /// What ended the task. The node's own finding wins: it happened before the request reached it.
    pub fn stop(&self) -> Option<StopFacts> {
        let requested = || {
            let stop = self.intent.stop.as_ref()?;
            Some(StopFacts { code: stop.code, reason: stop.reason.clone() })
        };
        if let Some(PlacementOutcome::Refused { reason }) = self.placement.map(|placement| &placement.outcome)
        {
            return Some(StopFacts { code: StopCode::TaskFailedToStart, reason: reason.clone() });
        }
        match self.observation.and_then(|observation| observation.stop.as_ref()) {
            None | Some(ObservedStop::Requested) => requested(),
            Some(ObservedStop::EssentialContainerExited) => Some(StopFacts {
                code: StopCode::EssentialContainerExited,
                reason: String::from("Essential container in task exited"),
            }),
            Some(ObservedStop::FailedToStart { reason }) => {
                Some(StopFacts { code: StopCode::TaskFailedToStart, reason: reason.clone() })
            }
            Some(ObservedStop::Lost { reason }) => {
                Some(StopFacts { code: StopCode::InfrastructureHealth, reason: reason.clone() })
            }
        }
    }

    /// Raised by every change that a user can see.
    pub fn version(&self) -> u32 {
        1 + self.intent.changes + self.observation.map_or(0, |observation| observation.changes)
    }

    /// When the task reached STOPPED.
    pub fn stopped_at(&self) -> Option<Timestamp> {
        if !self.is_stopped() {
            return None;
        }
        match (self.observation, self.placement) {
            (Some(observation), _) => observation.times.stopped_at,
            (None, Some(placement)) => Some(placement.at),
            (None, None) => self.intent.stop.as_ref().map(|stop| stop.at),
        }
    }

    /// The task's `healthStatus`: only essential containers with a health check count. `essential` tells of a
    /// container's name whether it is one of them.
    pub fn health(&self, essential_with_check: &dyn Fn(&str) -> bool) -> Health {
        let Some(observation) = self.observation else { return Health::Unknown };
        let mut counted =
            observation.containers.iter().filter(|item| essential_with_check(&item.name)).peekable();
        if counted.peek().is_none() {
            return Health::Unknown;
        }
        let mut all_healthy = true;
        for container in counted {
            match container.health {
                Health::Unhealthy => return Health::Unhealthy,
                Health::Unknown => all_healthy = false,
                Health::Healthy => {}
            }
        }
        if all_healthy { Health::Healthy } else { Health::Unknown }
    }
}
