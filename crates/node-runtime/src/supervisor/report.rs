//! The task's status: kept from the machine's state, written to disk and sent to clients at each change.

use stdx::clock::{Clock, Timestamp};

use super::Supervisor;
use crate::limits::REASON_BYTES_MAX;
use crate::spec::TaskSpec;
use crate::status::{ContainerPhase, ContainerStatus, HealthReport, HealthState, TaskPhase, TaskStatus};
use crate::taskdir;

pub(crate) fn first_status(spec: &TaskSpec) -> TaskStatus {
    let containers = spec.containers.iter().map(|container| ContainerStatus {
        name: container.name.clone(),
        runtime_id: container.runtime_id.clone(),
        phase: ContainerPhase::Pending,
        pid: None,
        created_at: None,
        started_at: None,
        finished_at: None,
        exit_code: None,
        reason: None,
        out_of_memory: false,
        restart_count: container.restart_policy.as_ref().map(|_| 0),
        health: container.health_check.as_ref().map(|_| HealthReport {
            state: HealthState::Unknown,
            since: Timestamp::default(),
            exit_code: None,
            output: String::new(),
        }),
        dropped_lines: 0,
    });
    TaskStatus {
        task_id: spec.task_id.clone(),
        sequence: 0,
        supervisor_pid: i32::try_from(std::process::id()).unwrap_or(0),
        phase: TaskPhase::Preparing,
        containers: containers.collect(),
        stop: None,
        stopping_at: None,
        execution_stopped_at: None,
        finished_at: None,
        cleanup_errors: Vec::new(),
    }
}

/// Cuts a reason to what AWS keeps, at a character's border.
pub(super) fn limit_reason(mut reason: String) -> String {
    let mut end = REASON_BYTES_MAX.min(reason.len());
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.truncate(end);
    reason
}

impl Supervisor {
    /// Takes over what the machine knows.
    pub(super) fn observe(&mut self) {
        let now = self.clock.now();
        for (container, status) in self.machine.containers().iter().zip(&mut self.status.containers) {
            if status.phase != container.phase {
                status.phase = container.phase;
                match container.phase {
                    ContainerPhase::Created => status.created_at = Some(now),
                    ContainerPhase::Running => status.started_at = Some(now),
                    ContainerPhase::Pending => {}
                    ContainerPhase::Stopped => {
                        // What never ran has no end either.
                        status.finished_at = container.has_run.then_some(now);
                        status.pid = None;
                    }
                }
                self.changed = true;
            }
            if let (Some(health), Some(report)) = (container.health(), &mut status.health)
                && report.state != health
            {
                report.state = health;
                report.since = now;
                self.changed = true;
            }
            if let Some(count) = &mut status.restart_count
                && *count != container.restart_count
            {
                *count = container.restart_count;
                self.changed = true;
            }
        }
        if self.status.stop.is_none() && self.machine.stop().is_some() {
            self.status.stop = self.machine.stop().cloned();
            self.status.stopping_at = Some(now);
            self.status.phase = TaskPhase::Stopping;
            self.changed = true;
        }
        let essential_ended = self
            .spec
            .containers
            .iter()
            .zip(&self.status.containers)
            .all(|(spec, status)| !spec.essential || status.phase == ContainerPhase::Stopped);
        if self.status.stop.is_some() && essential_ended && self.status.execution_stopped_at.is_none() {
            self.status.execution_stopped_at = Some(now);
            self.changed = true;
        }
    }

    /// Writes and sends the status if it changed since the last time.
    pub(super) fn report(&mut self) {
        for (index, status) in self.status.containers.iter_mut().enumerate() {
            let dropped = self.output.dropped_lines(index);
            // A burst of drops is one change, told with the next one.
            status.dropped_lines = dropped;
        }
        if !self.changed && self.status.sequence > 0 {
            return;
        }
        self.changed = false;
        self.status.sequence += 1;
        if let Err(error) = taskdir::write_status(&self.dir, &self.status) {
            eprintln!("supervisor: the status can't be written: {error}");
        }
        self.control.send_status(&self.status);
    }
}
