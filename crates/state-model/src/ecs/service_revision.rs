//! A service revision: an immutable snapshot of what a service's tasks are made from. What `deployments[]` calls
//! `ecs-svc/<id>` is the revision with that id.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::ecs::cluster::StrategyItem;
use crate::record::{IndexSink, Record};

/// Written by the API, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRevision {
    pub scope: Scope,
    pub cluster: String,
    /// The service's name.
    pub service: String,
    pub service_uid: String,
    /// 19 digits.
    pub id: String,
    pub task_definition_arn: String,
    pub family: String,
    pub task_revision: u32,
    /// `FARGATE`; none with a capacity provider strategy.
    #[serde(default)]
    pub launch_type: Option<String>,
    #[serde(default)]
    pub capacity_provider_strategy: Vec<StrategyItem>,
    /// As it was asked for: `LATEST` or `1.4.0`.
    pub platform_version: String,
    pub network: ServiceNetwork,
    #[serde(default)]
    pub load_balancers: Vec<ServiceLoadBalancer>,
    /// The resolution of metrics, where it was given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metric_configurations: Vec<MetricConfiguration>,
    /// Whether it was made by forceNewDeployment.
    #[serde(default)]
    pub forced: bool,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceNetwork {
    /// In the order given.
    pub subnets: Vec<String>,
    /// As given: empty means the VPC's default group.
    pub security_groups: Vec<String>,
    pub assign_public_ip: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceLoadBalancer {
    pub target_group_arn: String,
    pub container_name: String,
    pub container_port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricConfiguration {
    /// For example `CPUUtilization`.
    pub metric_names: Vec<String>,
    /// 20 or 60.
    pub resolution_secs: u32,
}

/// `ecs-svc/<id>`: the id of a deployment as `deployments[]` tells it, and `startedBy` of its tasks.
pub fn deployment_id(revision: &str) -> String {
    format!("ecs-svc/{revision}")
}

pub fn service_revision_key(scope: &Scope, cluster: &str, service: &str, id: &str) -> String {
    scope.key(&format!("{cluster}/{service}/{id}"))
}

pub fn service_revision_arn(scope: &Scope, cluster: &str, service: &str, id: &str) -> String {
    scope.arn("ecs", &format!("service-revision/{cluster}/{service}/{id}"))
}

impl ServiceRevision {
    /// Index: the revisions of a service, by its uid.
    pub const SERVICE: &'static str = "service";

    pub fn arn(&self) -> String {
        service_revision_arn(&self.scope, &self.cluster, &self.service, &self.id)
    }

    pub fn deployment_id(&self) -> String {
        deployment_id(&self.id)
    }
}

impl Record for ServiceRevision {
    const TABLE: &'static str = "ecs-service-revision";

    fn key(&self) -> String {
        service_revision_key(&self.scope, &self.cluster, &self.service, &self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::SERVICE, self.service_uid.clone());
        sink("task-definition", self.task_definition_arn.clone());
        for balancer in &self.load_balancers {
            sink("target-group", balancer.target_group_arn.clone());
        }
    }
}
