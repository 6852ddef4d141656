//! What has served its time: interfaces of stopped tasks, and stopped tasks after an hour.

use state_model::ec2::NetworkInterface;
use state_tables::{Row, View};
use stdx::clock::Timestamp;

use crate::limits::{DELETIONS_PER_COMMIT_MAX, STOPPED_TASK_KEPT};

#[derive(Debug, Default)]
pub struct Cleanup {
    /// Interfaces whose task has stopped.
    pub interfaces: Vec<Row<NetworkInterface>>,
    /// Keys of tasks that stopped longer ago than they are described.
    pub tasks: Vec<String>,
    /// When something becomes due next, if nothing changes until then.
    pub next: Option<Timestamp>,
}

pub fn plan(view: &View, now: Timestamp) -> Cleanup {
    let mut cleanup = Cleanup {
        interfaces: view
            .network_interfaces
            .iter()
            .filter(|(_, interface)| !view.live_tasks.contains(interface.task_key.as_str()))
            .map(|(_, interface)| interface.clone())
            .take(DELETIONS_PER_COMMIT_MAX)
            .collect(),
        ..Cleanup::default()
    };
    for (key, _) in view.task_intents.iter() {
        if view.live_tasks.contains(key) {
            continue;
        }
        let Some(stopped_at) = view.task(key).and_then(|task| task.stopped_at()) else { continue };
        let due = stopped_at.plus(STOPPED_TASK_KEPT);
        if due > now {
            cleanup.next = Some(cleanup.next.map_or(due, |next| next.min(due)));
        } else if cleanup.tasks.len() < DELETIONS_PER_COMMIT_MAX / 3 {
            cleanup.tasks.push(key.to_owned());
        } else {
            cleanup.next = Some(now);
        }
    }
    cleanup
}
