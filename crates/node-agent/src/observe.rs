//! From the supervisor's status to what control is told. Pure.

use node_runtime::status::{ContainerPhase, ContainerStatus as Seen, HealthState, StopFacts, TaskStatus};
use state_model::ecs::task::{ContainerStatus, Health, ObservedContainer, ObservedStop};

use crate::ledger::Ledger;

/// Takes over what the supervisor reports. Says whether every container runs, or has run.
pub fn apply(ledger: &mut Ledger, status: &TaskStatus) -> bool {
    for seen in &status.containers {
        let Some(container) = ledger.containers.iter_mut().find(|item| item.name == seen.name) else {
            continue;
        };
        container_status(container, seen);
    }
    if ledger.progress.stop.is_none() {
        ledger.progress.stop = status.stop.as_ref().map(cause);
    }
    ledger.times.stopping_at = ledger.times.stopping_at.or(status.stopping_at);
    ledger.times.execution_stopped_at = ledger.times.execution_stopped_at.or(status.execution_stopped_at);
    // The supervisor runs before its containers do; the task runs when the last of them has started.
    let started: Option<Vec<_>> = status.containers.iter().map(|seen| seen.started_at).collect();
    let Some(started) = started else { return false };
    ledger.times.started_at = ledger.times.started_at.or(started.into_iter().max());
    true
}

fn container_status(container: &mut ObservedContainer, seen: &Seen) {
    container.status = match seen.phase {
        ContainerPhase::Pending | ContainerPhase::Created => ContainerStatus::Pending,
        ContainerPhase::Running => ContainerStatus::Running,
        ContainerPhase::Stopped => ContainerStatus::Stopped,
    };
    container.started_at = seen.started_at;
    container.finished_at = seen.finished_at;
    // A restarted container runs again: how its last run ended is no more its own end than its beginning was.
    container.exit_code = seen.exit_code.filter(|_| seen.phase == ContainerPhase::Stopped);
    container.reason.clone_from(&seen.reason);
    container.restart_count = seen.restart_count.unwrap_or(0);
    container.health = match seen.health.as_ref().map(|health| health.state) {
        None | Some(HealthState::Unknown) => Health::Unknown,
        Some(HealthState::Healthy) => Health::Healthy,
        Some(HealthState::Unhealthy) => Health::Unhealthy,
    };
}

fn cause(facts: &StopFacts) -> ObservedStop {
    match facts {
        StopFacts::Requested { .. } => ObservedStop::Requested,
        StopFacts::EssentialExited { .. } | StopFacts::AllExited => ObservedStop::EssentialContainerExited,
        StopFacts::StartFailed { reason, .. } | StopFacts::DependencyFailed { reason, .. } => {
            ObservedStop::FailedToStart { reason: reason.clone() }
        }
        StopFacts::SupervisorLost => ObservedStop::Lost { reason: LOST.into() },
    }
}

/// The `stoppedReason` of a task whose supervisor is gone: killed by hand, or with the machine.
pub const LOST: &str =
    "The node lost the task: its supervisor ended unexpectedly, or the machine was restarted";
