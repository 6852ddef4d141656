//! Which containers may start, and which never will.

use std::time::Duration;

use super::{Container, Decision, Index, Machine, Rules, RulesError};
use crate::spec::Condition;
use crate::status::{ContainerPhase, HealthState, StopFacts};

enum Verdict {
    Met,
    Waiting,
    /// The condition can't be met any more.
    Never(String),
}

impl Machine {
    pub(super) fn start_ready(&mut self, now: Duration, decisions: &mut Vec<Decision>) {
        for index in 0..self.containers.len() {
            if self.containers[index].phase != ContainerPhase::Pending {
                continue;
            }
            match self.verdict(index, now) {
                Verdict::Met => {
                    self.containers[index].phase = ContainerPhase::Created;
                    decisions.push(Decision::Start(index));
                }
                Verdict::Waiting => {}
                Verdict::Never(reason) => {
                    let container = self.containers[index].rules.name.clone();
                    self.begin_stop(StopFacts::DependencyFailed { container, reason });
                    return;
                }
            }
        }
    }

    /// When a condition that a pending container waits for times out.
    pub(super) fn dependency_deadlines(&self) -> impl Iterator<Item = Duration> {
        self.containers
            .iter()
            .filter(|container| container.phase == ContainerPhase::Pending)
            .flat_map(|container| &container.rules.depends_on)
            .filter(|(_, condition)| *condition != Condition::Start)
            .filter_map(|(target, _)| start_deadline(&self.containers[*target]))
    }

    fn verdict(&self, index: Index, now: Duration) -> Verdict {
        let mut result = Verdict::Met;
        for (target, condition) in &self.containers[index].rules.depends_on {
            match judge(&self.containers[*target], *condition, now) {
                Verdict::Met => {}
                Verdict::Waiting => result = Verdict::Waiting,
                never @ Verdict::Never(_) => return never,
            }
        }
        result
    }
}

fn judge(target: &Container, condition: Condition, now: Duration) -> Verdict {
    let name = &target.rules.name;
    let stopped = target.phase == ContainerPhase::Stopped;
    let met = match condition {
        Condition::Start => target.has_run,
        Condition::Complete => stopped && target.has_run,
        Condition::Success => stopped && target.exit_code == Some(0),
        Condition::Healthy => {
            target.phase == ContainerPhase::Running && target.health() == Some(HealthState::Healthy)
        }
    };
    if met {
        return Verdict::Met;
    }
    if stopped {
        return Verdict::Never(match (target.has_run, target.exit_code) {
            (true, Some(code)) => format!("container {name} ended with exit code {code}"),
            _ => format!("container {name} did not start"),
        });
    }
    let timed_out =
        condition != Condition::Start && start_deadline(target).is_some_and(|deadline| deadline <= now);
    if timed_out {
        let seconds = target.rules.start_timeout.unwrap_or_default().as_secs();
        return Verdict::Never(format!(
            "container {name} did not meet its condition within {seconds} seconds"
        ));
    }
    Verdict::Waiting
}

/// A container's own start timeout limits how long others wait for it, counted from its start.
fn start_deadline(target: &Container) -> Option<Duration> {
    Some(target.started_at? + target.rules.start_timeout?)
}

pub(super) fn refuse_cycles(rules: &[Rules]) -> Result<(), RulesError> {
    let mut placed = vec![false; rules.len()];
    for _ in 0..rules.len() {
        for index in 0..rules.len() {
            placed[index] |= rules[index].depends_on.iter().all(|(target, _)| placed[*target]);
        }
    }
    match placed.iter().position(|placed| !placed) {
        None => Ok(()),
        Some(index) => Err(RulesError::Cycle { container: rules[index].name.clone() }),
    }
}
