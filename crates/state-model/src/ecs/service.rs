//! A service: the wish for a number of tasks. Its status and its counts are computed, never stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::cloudwatch::Alarm;
use crate::record::{IndexSink, Record};

/// Written by the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    pub scope: Scope,
    /// The cluster's name.
    pub cluster: String,
    pub name: String,
    /// 32 hexadecimal digits: tells services apart that had the same name one after the other.
    pub uid: String,
    pub desired_count: u32,
    pub scheduling_strategy: SchedulingStrategy,
    /// `ECS`, the only one that is served yet.
    pub deployment_controller: String,
    pub deployment_configuration: DeploymentConfiguration,
    /// None: never given.
    #[serde(default)]
    pub health_check_grace_period_secs: Option<u32>,
    pub enable_ecs_managed_tags: bool,
    #[serde(default)]
    pub propagate_tags: PropagateTags,
    pub enable_execute_command: bool,
    pub availability_zone_rebalancing: bool,
    /// The id of its newest deployment.
    pub deployment: String,
    #[serde(default)]
    pub role_arn: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    pub created_at: Timestamp,
    /// Who made it: an ARN.
    pub created_by: String,
    /// When the desired count or the deployment last changed: a steady state is told anew after it.
    pub changed_at: Timestamp,
    /// When it was deleted: it drains from then on.
    #[serde(default)]
    pub deleted_at: Option<Timestamp>,
    #[serde(default)]
    pub client_token: Option<String>,
    /// The digest of the request that made it, without its token.
    #[serde(default)]
    pub request_hash: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SchedulingStrategy {
    Replica,
    Daemon,
}

impl SchedulingStrategy {
    pub const fn as_str(self) -> &'static str {
        match self {
            SchedulingStrategy::Replica => "REPLICA",
            SchedulingStrategy::Daemon => "DAEMON",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PropagateTags {
    #[default]
    None,
    TaskDefinition,
    Service,
}

impl PropagateTags {
    pub const fn as_str(self) -> &'static str {
        match self {
            PropagateTags::None => "NONE",
            PropagateTags::TaskDefinition => "TASK_DEFINITION",
            PropagateTags::Service => "SERVICE",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentConfiguration {
    pub maximum_percent: u32,
    pub minimum_healthy_percent: u32,
    #[serde(default)]
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Minutes that the old tasks stay after the new ones are healthy.
    #[serde(default)]
    pub bake_time_minutes: Option<u32>,
    /// None: never given.
    #[serde(default)]
    pub alarms: Option<DeploymentAlarms>,
}

/// CloudWatch alarms that a deployment fails by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentAlarms {
    /// Of alarms of the same account and region.
    pub names: Vec<String>,
    pub enable: bool,
    pub rollback: bool,
}

impl Default for DeploymentConfiguration {
    /// Of a REPLICA service.
    fn default() -> Self {
        Self {
            maximum_percent: 200,
            minimum_healthy_percent: 100,
            circuit_breaker: None,
            bake_time_minutes: None,
            alarms: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitBreaker {
    pub enable: bool,
    pub rollback: bool,
    /// None: true.
    #[serde(default)]
    pub reset_on_healthy_task: Option<bool>,
    #[serde(default)]
    pub threshold: Option<BreakerThreshold>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BreakerThreshold {
    /// Per cent of the desired count, at least 3 and at most 200.
    BoundedPercent(u32),
    UnboundedPercent(u32),
    Count(u32),
}

impl CircuitBreaker {
    /// The failures that trip it. The desired count is the service's of now: it may have changed since.
    pub fn threshold_count(&self, desired_count: u32) -> u32 {
        let part = |percent: u32| (u64::from(desired_count) * u64::from(percent)).div_ceil(100);
        let count = match self.threshold.unwrap_or(BreakerThreshold::BoundedPercent(50)) {
            BreakerThreshold::BoundedPercent(percent) => part(percent).clamp(3, 200),
            BreakerThreshold::UnboundedPercent(percent) => part(percent),
            BreakerThreshold::Count(count) => u64::from(count),
        };
        // A deployment that failed before anything did is of no use to anyone.
        u32::try_from(count.max(1)).unwrap_or(u32::MAX)
    }
}

/// `account/region/cluster/name`
pub fn service_key(scope: &Scope, cluster: &str, name: &str) -> String {
    scope.key(&format!("{cluster}/{name}"))
}

impl Service {
    /// Index: every service of all accounts that is DRAINING or INACTIVE, under the empty value.
    pub const DELETED: &'static str = "deleted";
    /// Index: services by the keys of the alarms that watch their deployments.
    pub const ALARM: &'static str = "alarm";

    pub fn arn(&self) -> String {
        self.scope.arn("ecs", &format!("service/{}/{}", self.cluster, self.name))
    }

    pub fn cluster_arn(&self) -> String {
        super::cluster::cluster_arn(&self.scope, &self.cluster)
    }

    pub fn is_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }

    /// `service:NAME`, the group of its tasks.
    pub fn task_group(&self) -> String {
        format!("service:{}", self.name)
    }
}

impl Record for Service {
    const TABLE: &'static str = "ecs-service";

    fn key(&self) -> String {
        service_key(&self.scope, &self.cluster, &self.name)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink("uid", self.uid.clone());
        if self.is_deleted() {
            sink(Self::DELETED, String::new());
        }
        for name in self.deployment_configuration.alarms.iter().flat_map(|alarms| &alarms.names) {
            sink(Self::ALARM, Alarm::key_of(&self.scope, name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breaker_trips_in_proportion() {
        use BreakerThreshold::{BoundedPercent, Count, UnboundedPercent};
        for (threshold, desired, expect) in [
            (None, 1, 3),
            (None, 25, 13),
            (None, 400, 200),
            (Some(BoundedPercent(10)), 100, 10),
            (Some(UnboundedPercent(50)), 1, 1),
            (Some(UnboundedPercent(50)), 1000, 500),
            (Some(UnboundedPercent(50)), 0, 1),
            (Some(Count(7)), 1000, 7),
        ] {
            let breaker =
                CircuitBreaker { enable: true, rollback: true, reset_on_healthy_task: None, threshold };
            assert_eq!(breaker.threshold_count(desired), expect, "{threshold:?} of {desired}");
        }
    }
}
