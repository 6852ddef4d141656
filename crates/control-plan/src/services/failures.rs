//! Tasks that end by themselves: the wait before the next start, and the circuit breaker.

use std::time::Duration;

use state_model::ecs::service::CircuitBreaker;
use state_model::ecs::service_deployment::{DeploymentRollback, DeploymentStatus, FailureCounts, StopKind};
use state_model::ecs::task::Phase;

use super::snapshot::{FailureKind, Task};
use super::{Condition, Planner, events};
use crate::limits::{INCONSISTENT_STARTS_TOLD_FROM, SETTLED_AFTER, START_DELAY_FIRST, START_DELAY_MAX};

const BREAKER_REASON: &str =
    "Service deployment rolled back because the circuit breaker threshold was exceeded.";
const ROLLBACK_FAILURE: &str =
    "Service deployment rollback failed because the circuit breaker threshold was exceeded.";
const REQUEST_REASON: &str = "Service deployment rolled back because a rollback was requested.";

/// How long to wait after this many failures in a row.
fn delay(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    START_DELAY_FIRST.saturating_mul(1 << doublings).min(START_DELAY_MAX)
}

impl<'a> Planner<'_, 'a> {
    /// Whether the circuit breaker counts.
    fn is_monitored(&self) -> bool {
        matches!(self.progress.status, DeploymentStatus::InProgress | DeploymentStatus::RollbackInProgress)
    }

    /// Whether a task was made by this deployment, or by its rollback once that has begun: what runs from before says nothing
    /// of whether more can be started.
    fn is_of_this_rollout(&self, task: &Task<'_>) -> bool {
        let rollback = self.progress.rollback.as_ref();
        self.is_wanted(task) && rollback.is_none_or(|rollback| task.created_at > rollback.started_at)
    }

    pub(super) fn watch_failures(&mut self) {
        self.note_recovery();
        let failures = &self.snapshot.failures;
        self.progress.counted_tasks.retain(|id| failures.iter().any(|failure| failure.id == id));
        for failure in failures {
            if self.progress.counted_tasks.iter().any(|id| id == failure.id) {
                continue;
            }
            self.progress.counted_tasks.push(failure.id.to_owned());
            self.note_failure(failure.kind);
        }
        let has_run = self.count(|task, _| self.is_of_this_rollout(task) && task.started_at.is_some()) > 0;
        self.progress.wanted_counts_mut().reached_running |= has_run && self.is_monitored();
        if self.progress.start_failures >= INCONSISTENT_STARTS_TOLD_FROM {
            self.tell_once(events::inconsistent_starts(self.snapshot.name));
        }
    }

    fn note_failure(&mut self, kind: FailureKind<'_>) {
        // Tasks that were started together fail together: the wait grows by one step for all of them.
        if self.progress.next_start_at.is_none_or(|at| self.now >= at) {
            self.progress.start_failures += 1;
            self.progress.next_start_at = Some(self.now.plus(delay(self.progress.start_failures)));
        }
        let counts = match kind {
            FailureKind::NeverStarted => !self.progress.wanted_counts().reached_running,
            FailureKind::Crashed => true,
            FailureKind::Lost => false,
            FailureKind::Refused(reason) => {
                self.tell_once(events::failed_to_launch(self.snapshot.name, reason));
                !self.progress.wanted_counts().reached_running
            }
            FailureKind::Capacity => {
                self.tell_once(events::no_capacity(self.snapshot.name));
                false
            }
        };
        if counts {
            self.count_failure();
        }
    }

    pub(super) fn count_failure(&mut self) {
        if self.is_monitored() {
            let has_breaker = self.snapshot.breaker.is_some();
            let counts = self.progress.wanted_counts_mut();
            counts.failed_tasks += 1;
            counts.failure_count += u32::from(has_breaker);
        }
    }

    /// A task that got healthy takes the count back, and one that stays up ends the waiting.
    fn note_recovery(&mut self) {
        let healthy = self.count(|task, condition| self.is_wanted(task) && condition == Condition::Healthy);
        let healthy = u32::try_from(healthy).unwrap_or(u32::MAX);
        if self.is_monitored() {
            let resets = |breaker: &CircuitBreaker| breaker.reset_on_healthy_task.unwrap_or(true);
            let resets = self.snapshot.breaker.is_some_and(resets);
            let counts = self.progress.wanted_counts_mut();
            if healthy > counts.healthy_tasks {
                counts.failed_tasks = 0;
                counts.failure_count = if resets { 0 } else { counts.failure_count };
            }
            counts.healthy_tasks = healthy;
        }
        let Some(next_start_at) = self.progress.next_start_at else { return };
        let failed_at = next_start_at.minus(delay(self.progress.start_failures));
        let started = self.snapshot.tasks.iter().zip(&self.conditions);
        let started = started.filter(|(task, condition)| {
            self.is_wanted(task) && **condition != Condition::Ending && task.phase == Phase::Running
        });
        let settles_at = started.filter_map(|(task, _)| task.started_at).filter(|at| *at > failed_at).min();
        let Some(settles_at) = settles_at.map(|at| at.plus(SETTLED_AFTER)) else { return };
        if self.now >= settles_at {
            self.progress.start_failures = 0;
            self.progress.next_start_at = None;
        } else {
            self.due.at(settles_at);
        }
    }

    /// Whether tasks may be started now.
    pub(super) fn may_start(&mut self) -> bool {
        match self.progress.next_start_at {
            Some(at) if self.now < at => {
                self.due.at(at);
                false
            }
            _ => !self.is_frozen(),
        }
    }

    /// Whether the deployment takes another way from here: it failed, or somebody stopped it.
    pub(super) fn turn_back(&mut self) -> bool {
        let deployment = self.snapshot.deployment;
        if self.progress.status.is_final() {
            return false;
        }
        if deployment.is_to(StopKind::Abort) {
            self.end_unsuccessfully("Service deployment stopped because an abort was requested.");
            return true;
        }
        if self.progress.rollback.is_some() {
            return self.rollback_fails();
        }
        if deployment.is_to(StopKind::Rollback) {
            if !self.roll_back(REQUEST_REASON) {
                self.end_unsuccessfully(
                    "Service deployment stopped: there is no deployment to roll back to.",
                );
            }
            return true;
        }
        if self.ends_by_alarm() {
            return true;
        }
        let Some(breaker) = self.tripped_breaker() else { return false };
        self.progress.breaker_triggered = true;
        let failed = events::failed(self.snapshot.name, &self.wanted_id());
        self.text(failed);
        if !breaker.rollback || !self.roll_back(BREAKER_REASON) {
            self.end_unsuccessfully(
                "Service deployment failed because the circuit breaker threshold was exceeded.",
            );
        }
        true
    }

    fn tripped_breaker(&self) -> Option<&'a CircuitBreaker> {
        let failures = self.progress.wanted_counts().failure_count;
        self.snapshot.breaker.filter(|breaker| failures >= breaker.threshold_count(self.snapshot.desired))
    }

    /// A rollback is a rollout that the circuit breaker watches as any other; but there is nowhere to go back to from it. Alarms
    /// don't end it: they tell of what it leads away from, and the one that began it would be in ALARM still.
    fn rollback_fails(&mut self) -> bool {
        if self.tripped_breaker().is_none() {
            return false;
        }
        let failed = events::failed(self.snapshot.name, &self.wanted_id());
        self.text(failed);
        self.progress.status = DeploymentStatus::RollbackFailed;
        self.progress.status_reason = Some(ROLLBACK_FAILURE.to_owned());
        self.progress.finished_at = Some(self.now);
        true
    }

    pub(super) fn roll_back(&mut self, reason: &str) -> bool {
        let completed = self.snapshot.completed.as_ref();
        let Some(completed) = completed.filter(|revision| revision.id != self.snapshot.wanted.id) else {
            return false;
        };
        self.text(events::rolling_back(self.snapshot.name, completed.id));
        self.progress.status = DeploymentStatus::RollbackInProgress;
        self.progress.status_reason = Some(reason.to_owned());
        self.progress.rollback = Some(DeploymentRollback {
            reason: reason.to_owned(),
            started_at: self.now,
            revision: completed.id.to_owned(),
            counts: FailureCounts::default(),
        });
        self.progress.start_failures = 0;
        self.progress.next_start_at = None;
        self.progress.baking_since = None;
        true
    }

    pub(super) fn end_unsuccessfully(&mut self, reason: &str) {
        self.progress.status = DeploymentStatus::Stopped;
        self.progress.status_reason = Some(reason.to_owned());
        self.progress.finished_at = Some(self.now);
    }
}

#[cfg(test)]
mod tests {
    use state_model::ecs::service::BreakerThreshold;

    use super::*;

    #[test]
    fn thresholds_are_those_of_the_developer_guide() {
        let check = |given: Option<BreakerThreshold>, desired, expected| {
            let breaker = CircuitBreaker {
                enable: true,
                rollback: false,
                reset_on_healthy_task: None,
                threshold: given,
            };
            assert_eq!(breaker.threshold_count(desired), expected, "{given:?} of {desired}");
        };
        for (desired, expected) in [(0, 3), (1, 3), (6, 3), (7, 4), (25, 13), (400, 200), (5_000, 200)] {
            check(None, desired, expected);
        }
        check(Some(BreakerThreshold::BoundedPercent(10)), 100, 10);
        check(Some(BreakerThreshold::UnboundedPercent(50)), 1, 1);
        check(Some(BreakerThreshold::UnboundedPercent(50)), 1_000, 500);
        check(Some(BreakerThreshold::UnboundedPercent(50)), 0, 1);
        check(Some(BreakerThreshold::Count(7)), 1_000, 7);
    }

    #[test]
    fn waits_grow_up_to_27_minutes() {
        let seconds: Vec<u64> = [1, 2, 3, 8, 12, 40].map(|failures| delay(failures).as_secs()).to_vec();
        assert_eq!(seconds, [1, 2, 4, 128, 1_620, 1_620]);
    }
}
