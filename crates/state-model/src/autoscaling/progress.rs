//! How the scaling of a target has gone so far.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use super::target::{ScalableTarget, target_key};
use crate::Scope;
use crate::record::{IndexSink, Record};

/// Written by the scaling loop alone, together with what it is the memory of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingProgress {
    pub scope: Scope,
    pub cluster: String,
    pub service: String,
    /// Of the target that it belongs to: another one begins anew.
    pub target_id: String,
    /// The bounds that the desired count was brought into.
    pub bounds_applied: u64,
    #[serde(default)]
    pub last_out: Option<LastChange>,
    #[serde(default)]
    pub last_in: Option<LastChange>,
    /// The key of the activity that isn't fulfilled yet.
    #[serde(default)]
    pub activity: Option<String>,
    /// When each alarm's call last led to a change, by the alarm's name.
    #[serde(default)]
    pub acted: BTreeMap<String, Timestamp>,
    /// Up to when each scheduled action was carried out, by its id.
    #[serde(default)]
    pub scheduled: BTreeMap<String, Timestamp>,
    /// The cause and reason of the last activity that changed nothing, so that the same isn't told each minute.
    #[serde(default)]
    pub not_scaled: Option<String>,
}

/// A change that a policy made, for as long as its cooldown matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastChange {
    /// The desired count before it: what further steps are reckoned from while it cools down.
    pub base: u32,
    pub to: u32,
    pub cooldown_secs: u32,
    /// When it was fulfilled: the cooldown runs from then.
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
}

impl ScalingProgress {
    /// Index: those with an activity that isn't fulfilled, under the empty value.
    pub const ACTIVE: &'static str = "active";

    /// Of a target that nothing has happened to.
    pub fn new(target: &ScalableTarget) -> Self {
        Self {
            scope: target.scope.clone(),
            cluster: target.cluster.clone(),
            service: target.service.clone(),
            target_id: target.id.clone(),
            bounds_applied: 0,
            last_out: None,
            last_in: None,
            activity: None,
            acted: BTreeMap::new(),
            scheduled: BTreeMap::new(),
            not_scaled: None,
        }
    }
}

impl Record for ScalingProgress {
    const TABLE: &'static str = "autoscaling-progress";

    fn key(&self) -> String {
        target_key(&self.scope, &self.cluster, &self.service)
    }

    fn index(&self, sink: IndexSink<'_>) {
        if self.activity.is_some() {
            sink(Self::ACTIVE, String::new());
        }
    }
}
