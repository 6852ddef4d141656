//! What ECS tells on the default event bus. Source of the forms: "Amazon ECS task state change events" in the ECS Developer
//! Guide.

pub mod service;
mod task_detail;

use serde_json::Value;
use state_model::ecs::task_told::TaskTold;
use state_tables::{Row, View};
use stdx::clock::Timestamp;

pub const SOURCE: &str = "aws.ecs";
pub const TASK_STATE_CHANGE: &str = "ECS Task State Change";

/// A task whose newest version wasn't told.
#[derive(Debug)]
pub struct Untold {
    /// What was told of it, as it was read. None: nothing yet.
    pub former: Option<Row<TaskTold>>,
    pub told: TaskTold,
    pub task_arn: String,
    pub detail: Value,
}

/// None when there is nothing to tell. A version that was passed by meanwhile is told by the one after it alone.
pub fn task(view: &View, key: &str, now: Timestamp) -> Option<Untold> {
    let task = view.task(key)?;
    let version = task.version();
    let former = view.task_told.get(key);
    if former.is_some_and(|told| told.version >= version) {
        return None;
    }
    let told = TaskTold {
        scope: task.intent.scope.clone(),
        cluster: task.intent.cluster.clone(),
        id: task.intent.id.clone(),
        version,
    };
    Some(Untold {
        former: former.cloned(),
        told,
        task_arn: task.intent.arn(),
        detail: task_detail::of(view, task, now),
    })
}
