//! When a deployment is complete, and when a service is steady.

use std::time::Duration;

use state_model::ecs::service_deployment::DeploymentStatus;
use state_model::ecs::task::Phase;

use super::{Condition, Event, Planner, events};

impl Planner<'_, '_> {
    pub(super) fn conclude(&mut self) {
        if !self.is_settled() || self.is_frozen() {
            return;
        }
        if !self.progress.status.is_final() && !self.complete() {
            return;
        }
        self.rebalance();
        if self.decisions.launches.is_empty() {
            self.tell_steady_state();
        }
    }

    /// Every task that should be there is healthy, and there is no other that runs.
    fn is_settled(&self) -> bool {
        let desired = self.snapshot.desired as usize;
        let is_healthy = |condition: Condition| condition == Condition::Healthy;
        self.decisions.launches.is_empty()
            && self.decisions.stops.is_empty()
            && self.count(|task, _| task.phase <= Phase::Running) == desired
            && self.count(|task, condition| self.is_wanted(task) && is_healthy(condition)) == desired
    }

    /// Whether the deployment has come to its end.
    fn complete(&mut self) -> bool {
        if self.snapshot.bake > Duration::ZERO {
            let since = *self.progress.baking_since.get_or_insert(self.now);
            let baked_at = since.plus(self.snapshot.bake);
            if self.now < baked_at {
                self.due.at(baked_at);
                return false;
            }
        }
        self.progress.status = match self.progress.rollback {
            Some(_) => DeploymentStatus::RollbackSuccessful,
            None => DeploymentStatus::Successful,
        };
        self.progress.finished_at = Some(self.now);
        self.progress.wanted_counts_mut().failed_tasks = 0;
        let completed = events::completed(self.snapshot.name, &self.wanted_id());
        self.text(completed);
        true
    }

    fn tell_steady_state(&mut self) {
        self.due.at(self.now.plus(events::TOLD_AGAIN_AFTER));
        let told = self.snapshot.told.iter().find(|event| events::is_steady_state(event.message));
        let Some(told) = told.filter(|_| self.decisions.events.is_empty() && !self.has_moved()) else {
            self.text(events::steady_state(self.snapshot.name));
            return;
        };
        let again_at = told.at.plus(events::TOLD_AGAIN_AFTER);
        if told.at < self.snapshot.changed_at || self.now >= again_at {
            self.text(events::steady_state(self.snapshot.name));
        } else {
            self.due.at(again_at);
        }
    }

    /// Whether anything was told since the last steady state that ended it.
    fn has_moved(&self) -> bool {
        let since = self.snapshot.told.iter().take_while(|event| !events::is_steady_state(event.message));
        since.into_iter().any(|event| !events::is_target_event(event.message))
    }

    /// Tells what holds on once, until it is resolved or has been long ago.
    pub(super) fn tell_once(&mut self, message: String) {
        let event = Event::Text(message);
        let Event::Text(message) = &event else { return };
        let was_told = events::was_told(&self.snapshot.told, message, self.now);
        if !was_told && !self.decisions.events.contains(&event) {
            self.decisions.events.push(event);
        }
    }
}
