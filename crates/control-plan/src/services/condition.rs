//! How a task is, as far as its service cares.

use state_model::ecs::task::{Health, Phase};
use state_model::elbv2::target::HealthState;
use stdx::clock::Timestamp;

use super::snapshot::{Snapshot, Task};
use crate::limits::SETTLED_AFTER;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Its end is decided.
    Ending,
    /// On its way to RUNNING.
    Pending,
    /// RUNNING, and not yet known to be well.
    Starting,
    Healthy,
    Unhealthy(Cause),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Containers,
    /// The index of the task's target.
    Target(usize),
}

impl Condition {
    pub fn is_unhealthy(self) -> bool {
        matches!(self, Condition::Unhealthy(_))
    }

    /// It serves, or is expected to.
    pub fn is_good(self) -> bool {
        matches!(self, Condition::Pending | Condition::Starting | Condition::Healthy)
    }
}

/// The earliest of the times at which something is due.
#[derive(Clone, Copy, Debug, Default)]
pub struct Due(Option<Timestamp>);

impl Due {
    pub fn at(&mut self, at: Timestamp) {
        self.0 = Some(self.0.map_or(at, |earliest| earliest.min(at)));
    }

    pub fn earliest(self) -> Option<Timestamp> {
        self.0
    }
}

pub fn of(snapshot: &Snapshot<'_>, task: &Task<'_>, now: Timestamp, due: &mut Due) -> Condition {
    if task.is_ending || task.phase > Phase::Running {
        return Condition::Ending;
    }
    if task.phase < Phase::Running {
        return Condition::Pending;
    }
    if let Some(cause) = unhealthy(task) {
        let tolerated_until = task.started_at.unwrap_or(task.created_at).plus(snapshot.grace);
        if now >= tolerated_until {
            return Condition::Unhealthy(cause);
        }
        due.at(tolerated_until);
        return Condition::Starting;
    }
    let containers_well = task.container_health.is_none_or(|health| health == Health::Healthy);
    let targets_well = task.targets.iter().all(|target| target.state == Some(HealthState::Healthy));
    if !containers_well || !targets_well || !has_settled(snapshot, task, now, due) {
        return Condition::Starting;
    }
    Condition::Healthy
}

fn unhealthy(task: &Task<'_>) -> Option<Cause> {
    if task.container_health == Some(Health::Unhealthy) {
        return Some(Cause::Containers);
    }
    let target = task.targets.iter().position(|target| target.state == Some(HealthState::Unhealthy));
    target.map(Cause::Target)
}

/// Nothing checks such a task: as long as a circuit breaker watches the deployment, it must show that it stays up, or a
/// deployment of an image that exits at once would succeed before it fails.
fn has_settled(snapshot: &Snapshot<'_>, task: &Task<'_>, now: Timestamp, due: &mut Due) -> bool {
    let is_checked = task.container_health.is_some() || !task.targets.is_empty();
    let is_watched = snapshot.breaker.is_some() && !snapshot.deployment.progress.status.is_final();
    if is_checked || !is_watched {
        return true;
    }
    let settled_at = task.started_at.unwrap_or(task.created_at).plus(SETTLED_AFTER);
    if now < settled_at {
        due.at(settled_at);
    }
    now >= settled_at
}
