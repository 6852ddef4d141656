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
        // The machine's fault says nothing of what it ran.
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
