//! Up to which version a task's state changes were told.

use serde::{Deserialize, Serialize};

use crate::Scope;
use crate::ecs::task::task_key;
use crate::record::Record;

/// Written with the event, by the loop that tells alone; it goes with the task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskTold {
    pub scope: Scope,
    pub cluster: String,
    pub id: String,
    pub version: u32,
}

impl Record for TaskTold {
    const TABLE: &'static str = "ecs-task-told";

    fn key(&self) -> String {
        task_key(&self.scope, &self.cluster, &self.id)
    }
}
