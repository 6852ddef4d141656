//! What has served its time: interfaces of stopped tasks, and stopped tasks after an hour.

use state_model::ec2::NetworkInterface;
use state_model::elbv2::Target;
use state_tables::{Row, View};
use stdx::clock::Timestamp;

use crate::limits::{DELETIONS_PER_COMMIT_MAX, STOPPED_TASK_KEPT};

/// Interfaces whose task has stopped, as many as one commit deletes.
pub fn interfaces(view: &View) -> Vec<Row<NetworkInterface>> {
    view.network_interfaces
        .iter()
        .filter(|(_, interface)| !interface.task_key.is_empty())
        .filter(|(_, interface)| !view.live_tasks.contains(interface.task_key.as_str()))
        // Its address is given to nobody else as long as a balancer may still dial it.
        .filter(|(_, interface)| !view.elb_targets.any_by(Target::TASK, &interface.task_key))
        .map(|(_, interface)| interface.clone())
        .take(DELETIONS_PER_COMMIT_MAX)
        .collect()
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct ExpiredTasks {
    /// Keys of tasks that stopped longer ago than they are described.
    pub tasks: Vec<String>,
    /// When the next one becomes due.
    pub next: Option<Timestamp>,
}

/// As many as one commit deletes: each task is three records.
pub fn tasks(view: &View, now: Timestamp) -> ExpiredTasks {
    let mut expired = ExpiredTasks::default();
    let stopped = view.task_intents.iter().filter(|(key, _)| !view.live_tasks.contains(*key));
    for (key, _) in stopped {
        let Some(stopped_at) = view.task(key).and_then(|task| task.stopped_at()) else { continue };
        let due = stopped_at.plus(STOPPED_TASK_KEPT);
        if due > now {
            expired.next = Some(expired.next.map_or(due, |next| next.min(due)));
        } else if expired.tasks.len() < DELETIONS_PER_COMMIT_MAX / 3 {
            expired.tasks.push(key.to_owned());
        }
    }
    expired
}
