//! A scalable target: the bounds of a service's desired count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::{IndexSink, Record};

/// Written by the API; the scaling loop writes the bounds when a scheduled action is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalableTarget {
    pub scope: Scope,
    pub cluster: String,
    pub service: String,
    /// Of the service that it was registered for: one of the same name that came later has to be registered again.
    pub service_uid: String,
    /// What its ARN ends with.
    pub id: String,
    pub min_capacity: u32,
    pub max_capacity: u32,
    #[serde(default)]
    pub suspended: Suspended,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    pub created_at: Timestamp,
    /// Counts up with every change of the bounds: the scaling loop brings the desired count into bounds it hasn't seen.
    pub bounds_generation: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {
    pub scale_in: bool,
    pub scale_out: bool,
    pub scheduled: bool,
}

/// `account/region/cluster/service`
pub fn target_key(scope: &Scope, cluster: &str, service: &str) -> String {
    scope.key(&format!("{cluster}/{service}"))
}

/// `service/CLUSTER/SERVICE`
pub fn resource_id(cluster: &str, service: &str) -> String {
    format!("service/{cluster}/{service}")
}

impl ScalableTarget {
    /// Index: by what the ARN ends with.
    pub const ID: &'static str = "id";

    pub fn arn(&self) -> String {
        self.scope.arn("application-autoscaling", &format!("scalable-target/{}", self.id))
    }

    pub fn resource_id(&self) -> String {
        resource_id(&self.cluster, &self.service)
    }
}

impl Record for ScalableTarget {
    const TABLE: &'static str = "autoscaling-target";

    fn key(&self) -> String {
        target_key(&self.scope, &self.cluster, &self.service)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::ID, self.scope.key(&self.id));
    }
}
