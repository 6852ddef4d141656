//! From the results of checks to the state of a target. Pure.
//!
//! Source: "Health checks for your target groups" of the user guides.

use state_model::elbv2::target::HealthState;

/// How one check went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// The code of the response isn't one that was asked for.
    WrongCode(u16),
    /// Nothing came in time.
    TimedOut,
    /// Nobody listens there.
    Refused,
    /// Broken off, or not the protocol.
    Failed,
    /// Not even tried: the load balancer's own interface isn't ready.
    Unable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    pub healthy: u32,
    pub unhealthy: u32,
}

/// The state to be entered, with what DescribeTargetHealth says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub state: HealthState,
    pub reason: Option<&'static str>,
    pub description: Option<String>,
}

/// What was seen of a target in a row.
#[derive(Debug)]
pub struct Progress {
    state: HealthState,
    passes: u32,
    failures: u32,
}

impl Progress {
    pub fn new(state: HealthState) -> Progress {
        Progress { state, passes: 0, failures: 0 }
    }

    /// Whether the target is to be tried again before the next check is due: as long as it has never been healthy, and a
    /// try is nothing that it could notice.
    pub fn is_worth_another_try(&self, outcome: &Outcome) -> bool {
        let unseen = matches!(outcome, Outcome::Refused | Outcome::Unable);
        self.state == HealthState::Initial && unseen
    }

    /// None when nothing is to be said anew. May repeat what was said before of the same state.
    pub fn next(&mut self, outcome: &Outcome, thresholds: &Thresholds) -> Option<Change> {
        if *outcome == Outcome::Passed {
            (self.passes, self.failures) = (self.passes.saturating_add(1), 0);
            // A new target needs one pass alone.
            let needed = if self.state == HealthState::Initial { 1 } else { thresholds.healthy };
            if self.state == HealthState::Healthy || self.passes < needed {
                return None;
            }
            return Some(self.enter(HealthState::Healthy, outcome));
        }
        (self.passes, self.failures) = (0, self.failures.saturating_add(1));
        if self.state == HealthState::Unhealthy || self.failures >= thresholds.unhealthy {
            return Some(self.enter(HealthState::Unhealthy, outcome));
        }
        (self.state == HealthState::Initial).then(|| self.enter(HealthState::Initial, outcome))
    }

    fn enter(&mut self, state: HealthState, outcome: &Outcome) -> Change {
        self.state = state;
        let (reason, description) = match (state, outcome) {
            (HealthState::Initial, _) => {
                (Some("Elb.InitialHealthChecking"), Some("Initial health checks in progress".to_owned()))
            }
            (HealthState::Unhealthy, Outcome::WrongCode(code)) => (
                Some("Target.ResponseCodeMismatch"),
                Some(format!("Health checks failed with these codes: [{code}]")),
            ),
            (HealthState::Unhealthy, Outcome::TimedOut) => {
                (Some("Target.Timeout"), Some("Request timed out".to_owned()))
            }
            (HealthState::Unhealthy, Outcome::Unable) => {
                (Some("Elb.InternalError"), Some("Health checks failed due to an internal error".to_owned()))
            }
            (HealthState::Unhealthy, _) => {
                (Some("Target.FailedHealthChecks"), Some("Health checks failed".to_owned()))
            }
            (HealthState::Healthy | HealthState::Draining, _) => (None, None),
        };
        Change { state, reason, description }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+` passes, `5` answers 503, `t` takes too long, `x` fails; what is said after each: `H`, `I`, `U`, or `.` nothing.
    fn check(state: HealthState, results: &str, expect: &str) {
        let mut progress = Progress::new(state);
        let thresholds = Thresholds { healthy: 3, unhealthy: 2 };
        let said: String = results
            .chars()
            .map(|result| {
                let outcome = match result {
                    '+' => Outcome::Passed,
                    '5' => Outcome::WrongCode(503),
                    't' => Outcome::TimedOut,
                    _ => Outcome::Failed,
                };
                match progress.next(&outcome, &thresholds).map(|change| change.state) {
                    None => '.',
                    Some(HealthState::Healthy) => 'H',
                    Some(HealthState::Initial) => 'I',
                    Some(HealthState::Unhealthy) => 'U',
                    Some(HealthState::Draining) => 'D',
                }
            })
            .collect();
        assert_eq!(said, expect, "{state:?} {results}");
    }

    #[test]
    fn states_follow_the_thresholds() {
        check(HealthState::Initial, "+", "H");
        check(HealthState::Initial, "x+", "IH");
        check(HealthState::Initial, "xx", "IU");
        check(HealthState::Initial, "xx+++", "IU..H");
        check(HealthState::Healthy, "+x+x+", ".....");
        check(HealthState::Healthy, "x5", ".U");
        check(HealthState::Unhealthy, "++x+++", "..U..H");
        check(HealthState::Unhealthy, "5t", "UU");
    }

    #[test]
    fn reasons_are_those_of_the_last_failure() {
        let thresholds = Thresholds { healthy: 2, unhealthy: 1 };
        for (outcome, reason, description) in [
            (
                Outcome::WrongCode(503),
                "Target.ResponseCodeMismatch",
                "Health checks failed with these codes: [503]",
            ),
            (Outcome::TimedOut, "Target.Timeout", "Request timed out"),
            (Outcome::Failed, "Target.FailedHealthChecks", "Health checks failed"),
            (Outcome::Refused, "Target.FailedHealthChecks", "Health checks failed"),
            (Outcome::Unable, "Elb.InternalError", "Health checks failed due to an internal error"),
        ] {
            let change = Progress::new(HealthState::Healthy).next(&outcome, &thresholds).unwrap();
            assert_eq!(change.reason, Some(reason));
            assert_eq!(change.description.as_deref(), Some(description));
        }
    }
}
