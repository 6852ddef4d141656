//! What a node saw of a task.

use serde::{Deserialize, Serialize};
use state_model::ecs::task::{ObservedContainer, ObservedStop, ObservedTimes, Phase};

use crate::assignment::TaskName;

/// The whole of what the node knows, so that a lost report is made good by the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    pub task: TaskName,
    pub generation: u64,
    pub phase: Phase,
    pub containers: Vec<ObservedContainer>,
    pub times: ObservedTimes,
    pub stop: Option<ObservedStop>,
}
