//! Scaling activities: what scaling did, and what it would have done.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use super::target::target_key;
use crate::Scope;
use crate::record::{IndexSink, Record};

/// Written by the scaling loop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingActivity {
    pub scope: Scope,
    pub cluster: String,
    pub service: String,
    /// A UUID.
    pub id: String,
    pub description: String,
    pub cause: String,
    pub started_at: Timestamp,
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    pub status: ActivityStatus,
    #[serde(default)]
    pub status_message: Option<String>,
    /// Of what changed nothing.
    #[serde(default)]
    pub not_scaled: Vec<NotScaledReason>,
    /// The desired count before and after, of what changed it.
    #[serde(default)]
    pub from: Option<u32>,
    #[serde(default)]
    pub to: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActivityStatus {
    InProgress,
    Successful,
    Overridden,
    Unfulfilled,
    Failed,
}

impl ActivityStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            ActivityStatus::InProgress => "InProgress",
            ActivityStatus::Successful => "Successful",
            ActivityStatus::Overridden => "Overridden",
            ActivityStatus::Unfulfilled => "Unfulfilled",
            ActivityStatus::Failed => "Failed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotScaledReason {
    pub code: NotScaledCode,
    #[serde(default)]
    pub current_capacity: Option<u32>,
    #[serde(default)]
    pub min_capacity: Option<u32>,
    #[serde(default)]
    pub max_capacity: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotScaledCode {
    AutoScalingAnticipatedFlapping,
    TargetServicePutResourceAsUnscalable,
    AlreadyAtMaxCapacity,
    AlreadyAtMinCapacity,
    AlreadyAtDesiredCapacity,
}

impl NotScaledCode {
    pub const fn as_str(self) -> &'static str {
        match self {
            NotScaledCode::AutoScalingAnticipatedFlapping => "AutoScalingAnticipatedFlapping",
            NotScaledCode::TargetServicePutResourceAsUnscalable => "TargetServicePutResourceAsUnscalable",
            NotScaledCode::AlreadyAtMaxCapacity => "AlreadyAtMaxCapacity",
            NotScaledCode::AlreadyAtMinCapacity => "AlreadyAtMinCapacity",
            NotScaledCode::AlreadyAtDesiredCapacity => "AlreadyAtDesiredCapacity",
        }
    }
}

impl ScalingActivity {
    /// Index: the activities of a target, by its key.
    pub const TARGET: &'static str = "target";
    /// Index: the activities of all accounts that began on a day, by [`ScalingActivity::day`].
    pub const DAY: &'static str = "day";

    /// The day that `at` is in, counted from 1970.
    pub fn day(at: Timestamp) -> i64 {
        at.as_secs().div_euclid(86_400)
    }
}

impl Record for ScalingActivity {
    const TABLE: &'static str = "autoscaling-activity";

    /// Newest first, as they are described.
    fn key(&self) -> String {
        const LATEST: i64 = 999_999_999_999_999;
        let backwards = LATEST - self.started_at.as_millis().clamp(0, LATEST);
        self.scope.key(&format!("{backwards:015}/{}", self.id))
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::TARGET, target_key(&self.scope, &self.cluster, &self.service));
        sink(Self::DAY, Self::day(self.started_at).to_string());
    }
}
