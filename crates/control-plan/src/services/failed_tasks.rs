//! Which ended tasks count as failures of their service.

use state_model::ecs::task::{ObservedContainer, ObservedStop, PlacementOutcome, TaskObservation};
use stdx::clock::Timestamp;

use super::from_view::TaskRow;
use super::snapshot::{Failure, FailureKind};
use crate::limits::SETTLED_AFTER;
use crate::placement::CAPACITY_UNAVAILABLE;

/// What a container that was killed from outside exits with: by SIGKILL, by SIGTERM.
const KILLED: [i32; 2] = [137, 143];

/// None when the task is of another revision, goes on, was stopped on request, or ended after it had run for a while.
pub fn failure<'v>(row: &TaskRow<'v>, revision: &str, since: Timestamp) -> Option<Failure<'v>> {
    let intent = row.columns.intent;
    let is_own = intent.service.as_ref().is_some_and(|service| service.revision == revision);
    if !is_own || intent.stop.is_some() || intent.created_at < since {
        return None;
    }
    let outcome = row.columns.placement.map(|placement| &placement.outcome);
    let kind = match outcome {
        Some(PlacementOutcome::Refused { reason }) if reason == CAPACITY_UNAVAILABLE => FailureKind::Capacity,
        Some(PlacementOutcome::Refused { reason }) => FailureKind::Refused(reason),
        _ => observed_failure(row.columns.observation?)?,
    };
    Some(Failure { id: &intent.id, kind })
}

fn observed_failure(observation: &TaskObservation) -> Option<FailureKind<'static>> {
    match observation.stop.as_ref()? {
        ObservedStop::FailedToStart { .. } => Some(FailureKind::NeverStarted),
        ObservedStop::EssentialContainerExited => exited(observation),
        // The machine's fault says nothing of what it ran; but what is lost before it runs may be lost again at once.
        ObservedStop::Lost { .. } if observation.times.started_at.is_none() => Some(FailureKind::Lost),
        ObservedStop::Requested | ObservedStop::Lost { .. } => None,
    }
}

fn exited(observation: &TaskObservation) -> Option<FailureKind<'static>> {
    let times = &observation.times;
    if was_killed(&observation.containers) {
        return None;
    }
    let Some(started_at) = times.started_at else { return Some(FailureKind::NeverStarted) };
    let ended_at = times.stopping_at.or(times.execution_stopped_at).or(times.stopped_at)?;
    (ended_at.since(started_at) < SETTLED_AFTER).then_some(FailureKind::Crashed)
}

/// Whether the container that ended first was killed from outside. What runs out of memory is killed too, but by its own
/// fault.
fn was_killed(containers: &[ObservedContainer]) -> bool {
    let ended = containers.iter().filter(|container| container.exit_code.is_some());
    let first = ended.min_by_key(|container| (container.finished_at.is_none(), container.finished_at));
    first.is_some_and(|container| {
        let is_out_of_memory =
            container.reason.as_deref().is_some_and(|reason| reason.starts_with("OutOfMemoryError"));
        container.exit_code.is_some_and(|code| KILLED.contains(&code)) && !is_out_of_memory
    })
}

#[cfg(test)]
mod tests {
    use state_model::Scope;
    use state_model::ecs::task::{ObservedTimes, Phase};

    use super::*;

    /// `containers` are exit codes and reasons, in the order of their ends.
    fn check(
        stop: ObservedStop,
        ran_secs: Option<i64>,
        containers: &[(i32, &str)],
        expected: Option<FailureKind<'_>>,
    ) {
        let ended = containers.iter().enumerate().map(|(index, (code, reason))| ObservedContainer {
            exit_code: Some(*code),
            reason: Some((*reason).to_owned()),
            finished_at: Some(Timestamp::from_millis(100_000 + index as i64)),
            ..ObservedContainer::default()
        });
        let observation = TaskObservation {
            scope: Scope::new("000000000000", "us-east-1"),
            cluster: String::from("default"),
            id: String::from("t"),
            generation: 1,
            phase: Phase::Stopping,
            containers: ended.collect(),
            times: ObservedTimes {
                started_at: ran_secs.map(|secs| Timestamp::from_secs(100 - secs)),
                stopping_at: Some(Timestamp::from_secs(100)),
                ..ObservedTimes::default()
            },
            stop: Some(stop.clone()),
            changes: 0,
        };
        assert_eq!(observed_failure(&observation), expected, "{stop:?} after {ran_secs:?}: {containers:?}");
    }

    #[test]
    fn what_counts_as_a_failure() {
        let exited = || ObservedStop::EssentialContainerExited;
        let lost = || ObservedStop::Lost { reason: String::new() };
        let crashed = Some(FailureKind::Crashed);
        check(
            ObservedStop::FailedToStart { reason: String::new() },
            None,
            &[],
            Some(FailureKind::NeverStarted),
        );
        check(exited(), None, &[(1, "")], Some(FailureKind::NeverStarted));
        check(exited(), Some(1), &[(1, "")], crashed);
        check(exited(), Some(1), &[(0, ""), (143, "")], crashed);
        check(exited(), Some(10), &[(1, "")], None);
        check(exited(), Some(1), &[(137, ""), (1, "")], None);
        check(exited(), Some(1), &[(137, "OutOfMemoryError: Container killed due to memory usage")], crashed);
        check(lost(), Some(1), &[], None);
        check(lost(), None, &[], Some(FailureKind::Lost));
        check(ObservedStop::Requested, Some(1), &[(143, "")], None);
    }
}
