//! What a service tells of itself, in the words of ECS.

use std::time::Duration;

use state_model::ecs::service_revision::deployment_id;
use stdx::clock::Timestamp;

use super::snapshot::{Task, Told};

/// A steady state is told again after this long, and so is what was told before and still holds.
pub const TOLD_AGAIN_AFTER: Duration = Duration::from_hours(6);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Text(String),
    /// All tasks that are launched; so many of them because others are unhealthy.
    Started {
        replaced: usize,
    },
    /// The one task that is launched.
    StartedToRebalance {
        zone: String,
    },
}

impl Event {
    /// The whole message, with the ids of the tasks that were launched.
    pub fn message(&self, service: &str, started: &[String]) -> String {
        match self {
            Event::Text(text) => text.clone(),
            Event::Started { replaced } => {
                let tasks = task_list(started.iter().map(String::as_str));
                let count = started.len();
                let mut message = format!("(service {service}) has started {count} tasks: {tasks}.");
                if *replaced > 0 {
                    message += &format!(" Amazon ECS replaced {replaced} tasks due to an unhealthy status.");
                }
                message
            }
            Event::StartedToRebalance { zone } => {
                let tasks = task_list(started.iter().map(String::as_str));
                let count = started.len();
                format!("(service {service}) has started {count} tasks in {zone} to AZ Rebalance: {tasks}.")
            }
        }
    }
}

/// What an event of a service is called on the event bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// `INFO`, `WARN` or `ERROR`.
    pub event_type: &'static str,
    pub name: &'static str,
    pub reason: Option<&'static str>,
}

impl Event {
    /// None where the bus isn't told.
    pub fn action(&self) -> Option<Action> {
        let Event::Text(message) = self else { return None };
        let (event_type, name, reason) = if is_steady_state(message) {
            ("INFO", "SERVICE_STEADY_STATE", None)
        } else if message.ends_with(INCONSISTENT) {
            ("WARN", "SERVICE_TASK_START_IMPAIRED", None)
        } else if message.contains(NO_CAPACITY) {
            ("ERROR", "SERVICE_TASK_PLACEMENT_FAILURE", Some("RESOURCE:FARGATE"))
        } else {
            return None;
        };
        Some(Action { event_type, name, reason })
    }
}

/// `(task A) (task B)`
fn task_list<'t>(ids: impl Iterator<Item = &'t str>) -> String {
    let tasks: Vec<String> = ids.map(|id| format!("(task {id})")).collect();
    tasks.join(" ")
}

pub fn steady_state(service: &str) -> String {
    format!("(service {service}) {STEADY}")
}

const STEADY: &str = "has reached a steady state.";

pub fn is_steady_state(message: &str) -> bool {
    message.ends_with(STEADY)
}

/// Whether it is told of target groups: it accompanies a steady state and doesn't end it.
pub fn is_target_event(message: &str) -> bool {
    message.contains(" targets in (target-group ") || message.contains(" has begun draining connections on ")
}

pub fn is_rebalancing(message: &str) -> bool {
    message.ends_with(REBALANCING)
}

const REBALANCING: &str = "AZ Rebalancing in progress.";

pub fn stopped_running(service: &str, ids: &[&str]) -> String {
    let tasks = task_list(ids.iter().copied());
    format!("(service {service}) has stopped {} running tasks: {tasks}.", ids.len())
}

pub fn stopped_pending(service: &str, count: usize) -> String {
    format!("(service {service}) stopped {count} pending tasks.")
}

pub fn stopped_to_rebalance(service: &str, zone: &str, ids: &[&str]) -> String {
    let (count, tasks) = (ids.len(), task_list(ids.iter().copied()));
    format!("(service {service}) has stopped {count} running tasks in {zone} due to AZ rebalancing: {tasks}.")
}

/// `counts` are of zones, in the order of their subnets.
pub fn not_balanced(service: &str, counts: &[(&str, usize)]) -> String {
    format!("(service {service}) is not AZ balanced with {}. {REBALANCING}", zones(counts))
}

pub fn balanced(service: &str, counts: &[(&str, usize)]) -> String {
    format!("(service {service}) is AZ balanced with {}.", zones(counts))
}

fn zones(counts: &[(&str, usize)]) -> String {
    let zones: Vec<String> = counts.iter().map(|(zone, count)| format!("{count} tasks in {zone}")).collect();
    zones.join(", ")
}

pub fn completed(service: &str, deployment: &str) -> String {
    format!("(service {service}) (deployment {deployment}) deployment completed.")
}

pub fn failed(service: &str, deployment: &str) -> String {
    format!("(service {service}) (deployment {deployment}) deployment failed: tasks failed to start.")
}

pub fn failed_by_alarm(service: &str, deployment: &str) -> String {
    format!("(service {service}) (deployment {deployment}) deployment failed: alarm detected.")
}

pub fn rolling_back(service: &str, revision: &str) -> String {
    format!("(service {service}) rolling back to deployment {}.", deployment_id(revision))
}

pub fn inconsistent_starts(service: &str) -> String {
    format!("(service {service}) {INCONSISTENT}")
}

const INCONSISTENT: &str = "is unable to consistently start tasks successfully.";

pub fn no_capacity(service: &str) -> String {
    format!(
        "(service {service}) {NO_CAPACITY} at this time. Please try again later or in a different availability zone."
    )
}

const NO_CAPACITY: &str = "was unable to place a task. Reason: Capacity is unavailable";

pub fn failed_to_launch(service: &str, error: &str) -> String {
    format!("(service {service}) failed to launch a task with (error {error}).")
}

pub fn blocked_by_configuration(service: &str) -> String {
    format!(
        "(service {service}) was unable to stop or start tasks during a deployment because of the service deployment \
         configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
    )
}

pub fn blocked_by_protection(service: &str, deployment: &str, count: usize) -> String {
    format!(
        "(service {service}) was unable to reach steady state because (taskSet {deployment}) was unable to scale in due \
         to (reason {count} tasks under protection)"
    )
}

pub fn unhealthy_containers(service: &str, task: &Task<'_>) -> String {
    format!("(service {service}) (task {}) failed container health checks.", task.id)
}

/// `target` is the index of the task's target.
pub fn unhealthy_target(service: &str, task: &Task<'_>, target: usize) -> String {
    let Some(target) = task.targets.get(target) else { return String::new() };
    let reason = target.description.unwrap_or("Health checks failed");
    format!(
        "(service {service}) (task {}) (port {}) is unhealthy in (target-group {}) due to (reason {reason}).",
        task.id, target.port, target.target_group_arn
    )
}

/// Whether the same was told already and still holds: since the last steady state, and not too long ago.
pub fn was_told(told: &[Told<'_>], message: &str, now: Timestamp) -> bool {
    let since_steady = told.iter().take_while(|event| !is_steady_state(event.message));
    let mut recent = since_steady.take_while(|event| now.since(event.at) < TOLD_AGAIN_AFTER);
    recent.any(|event| event.message == message)
}
