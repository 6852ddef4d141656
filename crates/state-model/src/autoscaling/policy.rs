//! Scaling policies: what to do when an alarm calls.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use super::target::{resource_id, target_key};
use super::{COOLDOWN_SECS_DEFAULT, SERVICE_NAMESPACE};
use crate::Scope;
use crate::cloudwatch::MetricQuery;
use crate::record::{IndexSink, Record};

/// Written by the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalingPolicy {
    pub scope: Scope,
    pub cluster: String,
    pub service: String,
    pub name: String,
    /// A UUID: by which the actions of alarms lead here.
    pub id: String,
    pub kind: PolicyKind,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PolicyKind {
    Step(StepScaling),
    Tracking(Box<TargetTracking>),
}

/// Steps by how far the metric is beyond the threshold of the alarm that calls. The alarm is the user's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepScaling {
    pub adjustment_type: AdjustmentType,
    pub steps: Vec<StepAdjustment>,
    #[serde(default)]
    pub min_adjustment_magnitude: Option<u32>,
    #[serde(default)]
    pub cooldown_secs: Option<u32>,
    #[serde(default)]
    pub aggregation: Option<Aggregation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdjustmentType {
    ChangeInCapacity,
    PercentChangeInCapacity,
    ExactCapacity,
}

/// How the data points that an alarm looked at become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aggregation {
    Average,
    Minimum,
    Maximum,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepAdjustment {
    /// Relative to the threshold; none: without an end.
    #[serde(default)]
    pub lower: Option<f64>,
    #[serde(default)]
    pub upper: Option<f64>,
    pub adjustment: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetTracking {
    pub target: f64,
    pub metric: TrackedMetric,
    #[serde(default)]
    pub scale_out_cooldown_secs: Option<u32>,
    #[serde(default)]
    pub scale_in_cooldown_secs: Option<u32>,
    #[serde(default)]
    pub disable_scale_in: Option<bool>,
    /// UUIDs: the `createdBy` of the alarms' actions, and the ends of their names.
    pub created_by: String,
    pub high_alarm_id: String,
    pub low_alarm_id: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TrackedMetric {
    Predefined {
        /// For example `ECSServiceAverageCPUUtilization`.
        metric_type: String,
        #[serde(default)]
        resource_label: Option<String>,
    },
    Custom {
        namespace: String,
        name: String,
        dimensions: BTreeMap<String, String>,
        /// For example `Average`.
        statistic: String,
        #[serde(default)]
        unit: Option<String>,
    },
    Math(Vec<MetricQuery>),
}

/// The id of the policy that an alarm's action names, with or without `:createdBy/…`. None when it names something else.
pub fn policy_id_of(action: &str) -> Option<&str> {
    let mut parts = action.split(':');
    let is_policy = parts.next() == Some("arn")
        && parts.nth(1) == Some("autoscaling")
        && parts.nth(2) == Some("scalingPolicy");
    parts.next().filter(|_| is_policy)
}

impl StepScaling {
    pub fn cooldown_secs(&self) -> u32 {
        self.cooldown_secs.unwrap_or(COOLDOWN_SECS_DEFAULT)
    }
}

impl TargetTracking {
    pub fn scale_out_cooldown_secs(&self) -> u32 {
        self.scale_out_cooldown_secs.unwrap_or(COOLDOWN_SECS_DEFAULT)
    }

    pub fn scale_in_cooldown_secs(&self) -> u32 {
        self.scale_in_cooldown_secs.unwrap_or(COOLDOWN_SECS_DEFAULT)
    }

    pub fn scales_in(&self) -> bool {
        self.disable_scale_in != Some(true)
    }
}

impl ScalingPolicy {
    /// Index: by [`ScalingPolicy::id`].
    pub const ID: &'static str = "id";

    pub fn key_of(scope: &Scope, cluster: &str, service: &str, name: &str) -> String {
        format!("{}/{name}", target_key(scope, cluster, service))
    }

    /// How the keys of a target's policies begin.
    pub fn prefix(scope: &Scope, cluster: &str, service: &str) -> String {
        Self::key_of(scope, cluster, service, "")
    }

    pub fn arn(&self) -> String {
        let resource = resource_id(&self.cluster, &self.service);
        let (id, name) = (&self.id, &self.name);
        let rest = format!("scalingPolicy:{id}:resource/{SERVICE_NAMESPACE}/{resource}:policyName/{name}");
        self.scope.arn("autoscaling", &rest)
    }

    pub fn tracking(&self) -> Option<&TargetTracking> {
        match &self.kind {
            PolicyKind::Tracking(tracking) => Some(tracking),
            PolicyKind::Step(_) => None,
        }
    }
}

impl Record for ScalingPolicy {
    const TABLE: &'static str = "autoscaling-policy";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.cluster, &self.service, &self.name)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::ID, self.id.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::policy_id_of;

    #[test]
    fn actions_lead_to_policies() {
        let policy = "arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:1-2:resource/ecs/service/c/s:policyName/p";
        for (action, expect) in [
            (policy.to_owned(), Some("1-2")),
            (format!("{policy}:createdBy/3-4"), Some("1-2")),
            (policy.replace("scalingPolicy", "autoScalingGroup"), None),
            (String::from("arn:aws:sns:us-east-1:000000000000:topic"), None),
            (String::from("nothing"), None),
        ] {
            assert_eq!(policy_id_of(&action), expect, "{action}");
        }
    }
}
