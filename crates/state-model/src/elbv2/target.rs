//! A registered target, and the health that its balancer observes.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::elbv2::target_group::target_group_arn;
use crate::record::{IndexSink, Record};

/// Written by the API, and for tasks of services by the attach loop. Deleted when its draining is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub scope: Scope,
    /// [`super::TargetGroup::path`]
    pub target_group: String,
    /// An IPv4 address, or the ARN of an application load balancer.
    pub target_id: String,
    pub port: u16,
    /// A zone's name, or `all`. None until it is told for targets of type `alb`.
    #[serde(default)]
    pub availability_zone: Option<String>,
    pub registered_at: Timestamp,
    /// When it began to drain.
    #[serde(default)]
    pub deregistered_at: Option<Timestamp>,
    /// The key of the task that it belongs to.
    #[serde(default)]
    pub task_key: Option<String>,
}

pub fn target_key(scope: &Scope, target_group: &str, target_id: &str, port: u16) -> String {
    scope.key(&format!("{target_group}/{target_id}/{port}"))
}

impl Target {
    /// Index: the targets of a group, by the group's key.
    pub const TARGET_GROUP: &'static str = "target-group";
    /// Index: the targets of a task, by the task's key.
    pub const TASK: &'static str = "task";
    /// Index: all that drain, under the empty value.
    pub const DRAINING: &'static str = "draining";
    /// Index: the groups in which a load balancer is a target, by the load balancer's ARN.
    pub const LOAD_BALANCER: &'static str = "load-balancer";

    pub fn is_draining(&self) -> bool {
        self.deregistered_at.is_some()
    }

    pub fn address(&self) -> Option<Ipv4Addr> {
        self.target_id.parse().ok()
    }

    pub fn target_group_arn(&self) -> String {
        target_group_arn(&self.scope, &self.target_group)
    }
}

impl Record for Target {
    const TABLE: &'static str = "elb-target";

    fn key(&self) -> String {
        target_key(&self.scope, &self.target_group, &self.target_id, self.port)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::TARGET_GROUP, self.scope.key(&self.target_group));
        if let Some(task) = &self.task_key {
            sink(Self::TASK, task.clone());
        }
        if self.is_draining() {
            sink(Self::DRAINING, String::new());
        }
        if self.target_id.starts_with("arn:") {
            sink(Self::LOAD_BALANCER, self.target_id.clone());
        }
    }
}

/// Written by edge dispatch alone, from the balancer's reports; deleted with its target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetHealth {
    pub scope: Scope,
    pub target_group: String,
    pub target_id: String,
    pub port: u16,
    pub state: HealthState,
    /// For example `Target.ResponseCodeMismatch`.
    #[serde(default)]
    pub reason: Option<String>,
    /// For example `Health checks failed with these codes: [503]`.
    #[serde(default)]
    pub description: Option<String>,
    /// When it came into this state.
    pub since: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HealthState {
    Initial,
    Healthy,
    Unhealthy,
    /// The balancer has taken it out: no new connection goes there.
    Draining,
}

impl HealthState {
    pub const fn as_str(self) -> &'static str {
        match self {
            HealthState::Initial => "initial",
            HealthState::Healthy => "healthy",
            HealthState::Unhealthy => "unhealthy",
            HealthState::Draining => "draining",
        }
    }
}

impl Record for TargetHealth {
    const TABLE: &'static str = "elb-target-health";

    fn key(&self) -> String {
        target_key(&self.scope, &self.target_group, &self.target_id, self.port)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Target::TARGET_GROUP, self.scope.key(&self.target_group));
    }
}
