//! Stopping: the reverse of the start order, a signal first, then a kill.

use std::time::Duration;

use super::{Decision, Index, Machine};
use crate::status::{ContainerPhase, StopFacts};

impl Machine {
    /// Only the first cause counts.
    pub(super) fn begin_stop(&mut self, facts: StopFacts) {
        if self.stop.is_none() {
            self.stop = Some(facts);
        }
    }

    pub(super) fn stop_when_all_ended(&mut self) {
        if self.containers.iter().all(|container| container.phase == ContainerPhase::Stopped) {
            self.begin_stop(StopFacts::AllExited);
        }
    }

    pub(super) fn proceed_stop(&mut self, now: Duration, decisions: &mut Vec<Decision>) {
        for container in &mut self.containers {
            if container.phase == ContainerPhase::Pending {
                container.phase = ContainerPhase::Stopped;
            }
        }
        for index in 0..self.containers.len() {
            self.stop_container(index, now, decisions);
        }
        if !self.finished
            && self.containers.iter().all(|container| container.phase == ContainerPhase::Stopped)
        {
            self.finished = true;
            decisions.push(Decision::Finish);
        }
    }

    fn stop_container(&mut self, index: Index, now: Duration, decisions: &mut Vec<Decision>) {
        let waits = self.has_live_dependents(index);
        let container = &mut self.containers[index];
        if container.phase != ContainerPhase::Running || waits {
            return;
        }
        if !container.signalled {
            container.signalled = true;
            container.kill_at = Some(now + container.rules.stop_timeout);
            if container.health.as_ref().is_some_and(super::Health::is_probing) {
                decisions.push(Decision::AbortProbe(index));
            }
            decisions.push(Decision::Signal(index));
        } else if !container.killed && container.kill_at.is_some_and(|at| at <= now) {
            container.killed = true;
            container.kill_at = None;
            decisions.push(Decision::Kill(index));
        }
    }

    fn has_live_dependents(&self, index: Index) -> bool {
        self.containers.iter().any(|other| {
            other.phase != ContainerPhase::Stopped
                && other.rules.depends_on.iter().any(|(target, _)| *target == index)
        })
    }
}
