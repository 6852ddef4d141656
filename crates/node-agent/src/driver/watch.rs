//! While a task runs: the supervisor's reports in, stop requests out.

use std::future;

use node_runtime::protocol::{Command, Report};
use node_runtime::status::{TaskPhase, TaskStatus};
use tracing::{debug, warn};

use super::Driver;
use crate::facts::HealthFacts;
use crate::log_pump::{LogPump, PumpProgress};
use crate::observe;

enum Woken {
    Report(std::io::Result<Option<Report>>),
    Pumped(PumpProgress),
    Wanted,
}

impl Driver {
    /// Waits for one thing to happen and takes it in.
    pub(super) async fn watch(&mut self) {
        let Some(link) = &mut self.supervisor else { return self.collect_end().await };
        let woken = tokio::select! {
            report = link.receive() => Woken::Report(report),
            progress = pumped(&mut self.pump) => Woken::Pumped(progress),
            changed = self.desired.changed() => {
                if changed.is_err() {
                    // The agent ends; the supervisor goes on without it.
                    future::pending::<()>().await;
                }
                Woken::Wanted
            }
        };
        match woken {
            Woken::Report(Ok(Some(report))) => self.take(report),
            Woken::Report(Ok(None)) => self.collect_end().await,
            Woken::Report(Err(failure)) => {
                warn!(task = self.assignment().intent.id, %failure, "the supervisor's connection broke");
                self.collect_end().await;
            }
            Woken::Pumped(progress) => self.tell_pumped(progress).await,
            Woken::Wanted => {}
        }
    }

    pub(super) async fn send_stop(&mut self) {
        let reason =
            self.assignment().intent.stop.as_ref().map(|stop| stop.reason.clone()).unwrap_or_default();
        if let Some(link) = &mut self.supervisor
            && let Err(failure) = link.send(&Command::Stop { reason }).await
        {
            // It has just ended; the next report, or its absence, says how.
            debug!(%failure, "the stop request met no supervisor");
        }
        self.ledger.times.stopping_at.get_or_insert(self.context.clock.now());
        self.ledger.progress.stop_sent = true;
    }

    async fn tell_pumped(&mut self, progress: PumpProgress) {
        let command = Command::SpoolRead { read: progress.read, acknowledged: progress.acknowledged };
        if let Some(link) = &mut self.supervisor
            && let Err(failure) = link.send(&command).await
        {
            debug!(%failure, "the supervisor did not take the log position");
        }
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Status { status } => self.take_status(&status),
            Report::SpoolAdvanced { .. } => {
                if let Some(pump) = &self.pump {
                    pump.advanced();
                }
            }
            Report::Refused { reason } => {
                warn!(task = self.assignment().intent.id, reason, "the supervisor refused a command");
            }
            Report::NetworkReady { .. } => {}
        }
    }

    fn take_status(&mut self, status: &TaskStatus) {
        self.running |= observe::apply(&mut self.ledger, status);
        for seen in &status.containers {
            let health = seen.health.as_ref().map(|health| HealthFacts {
                since: health.since,
                exit_code: health.exit_code.unwrap_or(0),
                output: health.output.clone(),
            });
            self.container_facts(&seen.name, |facts| {
                facts.created_at = seen.created_at.or(facts.created_at);
                facts.health = health;
            });
        }
        for failure in &status.cleanup_errors {
            warn!(task = self.assignment().intent.id, failure, "something of the task could not be undone");
        }
        if status.containers.iter().any(|seen| seen.started_at.is_some()) {
            self.start = None;
        }
        if status.phase == TaskPhase::Finished {
            self.ledger.times.execution_stopped_at.get_or_insert(self.context.clock.now());
            self.supervisor = None;
            self.ledger.progress.ended = true;
        }
    }
}

/// The pump's next progress; never when there is no pump.
async fn pumped(pump: &mut Option<LogPump>) -> PumpProgress {
    if let Some(pump) = pump
        && pump.progress.changed().await.is_ok()
    {
        return *pump.progress.borrow_and_update();
    }
    future::pending().await
}
