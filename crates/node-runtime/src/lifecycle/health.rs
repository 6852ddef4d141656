//! When a container's health check runs and what its results mean.
//!
//! A failure inside the start period does not count, but a success inside it ends the grace.

use std::time::Duration;

use super::{Decision, HealthRules, Index};
use crate::status::HealthState;

#[derive(Clone, Debug)]
pub(super) struct Health {
    rules: HealthRules,
    state: HealthState,
    failures: u32,
    started_at: Duration,
    succeeded_once: bool,
    probe: Probe,
}

#[derive(Clone, Copy, Debug)]
enum Probe {
    NotYet,
    Due(Duration),
    Running { until: Duration },
}

impl Health {
    pub(super) fn new(rules: HealthRules) -> Self {
        Self {
            rules,
            state: HealthState::Unknown,
            failures: 0,
            started_at: Duration::ZERO,
            succeeded_once: false,
            probe: Probe::NotYet,
        }
    }

    pub(super) fn state(&self) -> HealthState {
        self.state
    }

    pub(super) fn is_probing(&self) -> bool {
        matches!(self.probe, Probe::Running { .. })
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        match self.probe {
            Probe::NotYet => None,
            Probe::Due(at) | Probe::Running { until: at } => Some(at),
        }
    }

    pub(super) fn started(&mut self, now: Duration) {
        self.started_at = now;
        self.probe = Probe::Due(now + self.rules.interval);
    }

    pub(super) fn tick(&mut self, now: Duration, index: Index, decisions: &mut Vec<Decision>) {
        match self.probe {
            Probe::Due(at) if at <= now => {
                self.probe = Probe::Running { until: now + self.rules.timeout };
                decisions.push(Decision::Probe(index));
            }
            Probe::Running { until } if until <= now => {
                decisions.push(Decision::AbortProbe(index));
                self.probed(now, false);
            }
            _ => {}
        }
    }

    pub(super) fn probed(&mut self, now: Duration, healthy: bool) {
        if !self.is_probing() {
            return;
        }
        self.probe = Probe::Due(now + self.rules.interval);
        if healthy {
            self.succeeded_once = true;
            self.failures = 0;
            self.state = HealthState::Healthy;
            return;
        }
        let in_grace = !self.succeeded_once && now < self.started_at + self.rules.start_period;
        if in_grace {
            return;
        }
        self.failures += 1;
        if self.failures >= self.rules.retries {
            self.state = HealthState::Unhealthy;
        }
    }
}
