//! Clusters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::{IndexSink, Record};

/// The cluster that a request means when it names none.
pub const DEFAULT_CLUSTER: &str = "default";

/// Counts of tasks and services are computed, never stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    pub scope: Scope,
    pub name: String,
    pub status: ClusterStatus,
    #[serde(default)]
    pub settings: Vec<ClusterSetting>,
    #[serde(default)]
    pub configuration: Option<ClusterConfiguration>,
    #[serde(default)]
    pub capacity_providers: Vec<String>,
    #[serde(default)]
    pub default_strategy: Vec<StrategyItem>,
    /// A Cloud Map namespace's ARN.
    #[serde(default)]
    pub service_connect_namespace: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    pub created_at: Timestamp,
    /// When it became INACTIVE. It stays visible for a while.
    #[serde(default)]
    pub deleted_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClusterStatus {
    #[serde(rename = "ACTIVE")]
    Active,
    #[serde(rename = "INACTIVE")]
    Inactive,
}

impl ClusterStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            ClusterStatus::Active => "ACTIVE",
            ClusterStatus::Inactive => "INACTIVE",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSetting {
    /// `containerInsights`.
    pub name: String,
    /// `enabled`, `enhanced` or `disabled`.
    pub value: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterConfiguration {
    pub execute_command: Option<ExecuteCommandConfiguration>,
    pub managed_storage: Option<ManagedStorageConfiguration>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecuteCommandConfiguration {
    pub kms_key_id: Option<String>,
    /// `NONE`, `DEFAULT` or `OVERRIDE`.
    pub logging: Option<String>,
    pub log: Option<ExecuteCommandLog>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecuteCommandLog {
    pub cloud_watch_log_group_name: Option<String>,
    pub cloud_watch_encryption_enabled: bool,
    pub s3_bucket_name: Option<String>,
    pub s3_encryption_enabled: bool,
    pub s3_key_prefix: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ManagedStorageConfiguration {
    pub kms_key_id: Option<String>,
    pub fargate_ephemeral_storage_kms_key_id: Option<String>,
}

/// One line of a capacity provider strategy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyItem {
    pub capacity_provider: String,
    pub weight: u32,
    pub base: u32,
}

pub fn cluster_arn(scope: &Scope, name: &str) -> String {
    scope.arn("ecs", &format!("cluster/{name}"))
}

impl Cluster {
    /// Index: every cluster of all accounts that is INACTIVE, under the empty value.
    pub const INACTIVE: &'static str = "inactive";

    pub fn arn(&self) -> String {
        cluster_arn(&self.scope, &self.name)
    }

    pub fn is_active(&self) -> bool {
        self.status == ClusterStatus::Active
    }
}

impl Record for Cluster {
    const TABLE: &'static str = "ecs-cluster";

    fn key(&self) -> String {
        self.scope.key(&self.name)
    }

    fn index(&self, sink: IndexSink<'_>) {
        if !self.is_active() {
            sink(Self::INACTIVE, String::new());
        }
    }
}
