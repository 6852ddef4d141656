//! What a service needs next: tasks to start and to stop, how far its deployment has come, and what it tells.
//!
//! Sources: "Amazon ECS rolling update deployments", "deployment circuit breaker", "service throttle logic" and "service
//! event messages" in the ECS Developer Guide.

mod alarms;
mod condition;
mod events;
mod failed_tasks;
mod failures;
mod from_view;
mod launches;
mod outcome;
mod rebalance;
mod rollout;
mod snapshot;
mod spread;
#[cfg(test)]
mod tests;
mod victims;

pub use alarms::AlarmsView;
pub use events::{Action, Event};
pub use from_view::{TaskRow, TasksByService, all_tasks, checked_containers, snapshot, tasks_of};
pub use snapshot::{Deployment, Failure, FailureKind, Place, Revision, Snapshot, TargetView, Task, Told};

use state_model::ecs::service_deployment::{DeploymentStatus, ServiceDeploymentProgress};
use state_model::ecs::service_revision::deployment_id;
use stdx::clock::Timestamp;

use condition::{Condition, Due};

/// What the services loop commits for one service.
#[derive(Debug, Default, PartialEq)]
pub struct Decisions<'a> {
    pub launches: Vec<Launch<'a>>,
    pub stops: Vec<Stop<'a>>,
    /// Of the newest deployment, when it changes.
    pub progress: Option<ServiceDeploymentProgress>,
    /// Of older deployments, which end.
    pub superseded: Vec<ServiceDeploymentProgress>,
    /// Oldest first.
    pub events: Vec<Event>,
    /// When time alone changes what is to be done.
    pub next: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch<'a> {
    pub revision: &'a str,
    pub place: Place<'a>,
    pub capacity_provider: Option<&'a str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop<'a> {
    pub key: &'a str,
    /// `stoppedReason`
    pub reason: String,
}

impl Decisions<'_> {
    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.launches.is_empty()
            && self.stops.is_empty()
            && self.progress.is_none()
            && self.superseded.is_empty()
            && self.events.is_empty()
    }
}

/// Decides as much as one commit takes; what is left follows from the next snapshot.
pub fn plan<'a>(snapshot: &Snapshot<'a>, now: Timestamp) -> Decisions<'a> {
    let mut planner = Planner::new(snapshot, now);
    planner.supersede();
    if snapshot.is_deleted {
        planner.drain();
    } else {
        planner.begin();
        planner.watch_failures();
        // What follows from a new way is decided from a snapshot that knows it.
        if !planner.turn_back() {
            planner.roll();
            planner.conclude();
        }
    }
    planner.finish()
}

/// One plan in the making.
struct Planner<'s, 'a> {
    snapshot: &'s Snapshot<'a>,
    now: Timestamp,
    /// Of each task, in the snapshot's order.
    conditions: Vec<Condition>,
    progress: ServiceDeploymentProgress,
    decisions: Decisions<'a>,
    /// Stops of which no event tells yet.
    untold: Vec<usize>,
    due: Due,
}

impl<'s, 'a> Planner<'s, 'a> {
    fn new(snapshot: &'s Snapshot<'a>, now: Timestamp) -> Self {
        let mut due = Due::default();
        let conditions =
            snapshot.tasks.iter().map(|task| condition::of(snapshot, task, now, &mut due)).collect();
        let progress = snapshot.deployment.progress.clone();
        Self { snapshot, now, conditions, progress, decisions: Decisions::default(), untold: Vec::new(), due }
    }

    fn finish(mut self) -> Decisions<'a> {
        if self.progress != *self.snapshot.deployment.progress {
            self.progress.updated_at = self.now;
            self.decisions.progress = Some(self.progress);
        }
        self.decisions.next = self.due.earliest();
        self.decisions
    }

    /// Ends deployments that a newer one came after.
    fn supersede(&mut self) {
        for older in &self.snapshot.superseded {
            let mut ended = ServiceDeploymentProgress::clone(older);
            ended.status = DeploymentStatus::Stopped;
            ended.finished_at = Some(self.now);
            ended.updated_at = self.now;
            self.decisions.superseded.push(ended);
        }
    }

    fn begin(&mut self) {
        if self.progress.status == DeploymentStatus::Pending {
            self.progress.status = DeploymentStatus::InProgress;
            self.progress.started_at = Some(self.now);
            self.begin_alarms();
        }
    }

    /// Ends every task of a deleted service.
    fn drain(&mut self) {
        if !self.progress.status.is_final() {
            self.progress.status = DeploymentStatus::Stopped;
            self.progress.finished_at = Some(self.now);
        }
        let active = self.indexes(|_, condition| condition != Condition::Ending);
        for index in active {
            self.stop(index, None);
        }
        self.tell_stops(None);
    }

    fn indexes(&self, wanted: impl Fn(&Task<'a>, Condition) -> bool) -> Vec<usize> {
        let pairs = self.snapshot.tasks.iter().zip(&self.conditions).enumerate();
        pairs.filter(|(_, (task, condition))| wanted(task, **condition)).map(|(index, _)| index).collect()
    }

    fn count(&self, wanted: impl Fn(&Task<'a>, Condition) -> bool) -> usize {
        let pairs = self.snapshot.tasks.iter().zip(&self.conditions);
        pairs.filter(|(task, condition)| wanted(task, **condition)).count()
    }

    fn is_wanted(&self, task: &Task<'a>) -> bool {
        task.revision == self.snapshot.wanted.id
    }

    fn text(&mut self, message: String) {
        self.decisions.events.push(Event::Text(message));
    }

    /// `ecs-svc/N` of the wanted revision.
    fn wanted_id(&self) -> String {
        deployment_id(self.snapshot.wanted.id)
    }

    /// Whether it has failed, or was aborted, and stays as it is.
    fn is_frozen(&self) -> bool {
        matches!(self.progress.status, DeploymentStatus::Stopped | DeploymentStatus::RollbackFailed)
    }
}
