//! Carries the lines of a task's spool to the log store, at its own pace: the task's driver only tells it when there is
//! something new, and passes on how far it has come.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use link_protocol::log::{LogBatch, LogLine, LogTargets, SpoolPosition};
use link_protocol::{ControlServices, ServiceFailure, TaskName};
use node_runtime::spool::{self, Position};
use stdx::backoff::Backoff;
use stdx::clock::{SharedClock, Timestamp};
use stdx::random::SharedRandom;
use stdx_async::supervisor;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tracing::warn;

use crate::limits::LOG_BATCH_BYTES_MAX;

/// Between attempts while the log store refuses: lines wait in the spool meanwhile, and the container in its log driver's
/// own way.
const RETRY: Backoff = Backoff { first: Duration::from_millis(100), max: Duration::from_secs(5) };

/// How far the pump has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PumpProgress {
    pub read: Position,
    pub acknowledged: Position,
}

#[derive(Debug)]
pub struct LogPump {
    advanced: Arc<Notify>,
    finish: watch::Sender<bool>,
    pub progress: watch::Receiver<PumpProgress>,
    running: JoinHandle<Option<()>>,
}

/// What a pump works with.
#[derive(Clone, Debug)]
pub struct PumpContext {
    pub task: TaskName,
    pub targets: Arc<LogTargets>,
    pub control: Arc<dyn ControlServices>,
    pub clock: SharedClock,
    pub random: SharedRandom,
}

impl LogPump {
    /// Starts to read the spool in `folder` where the log store's knowledge of it ends.
    pub fn start(folder: &Path, context: PumpContext) -> Self {
        let advanced = Arc::new(Notify::new());
        let (finish, finish_seen) = watch::channel(false);
        let (progress_sender, progress) = watch::channel(PumpProgress::default());
        let worker = Worker {
            folder: folder.to_owned(),
            context,
            advanced: Arc::clone(&advanced),
            finish: finish_seen,
            progress: progress_sender,
        };
        let running = supervisor::spawn("log-pump", worker.run());
        Self { advanced, finish, progress, running }
    }

    /// There may be more in the spool.
    pub fn advanced(&self) {
        self.advanced.notify_one();
    }

    /// Nothing more will be written: returns when everything is in the log store.
    pub async fn finish(&mut self) {
        self.finish.send_replace(true);
        self.advanced.notify_one();
        let _ended = (&mut self.running).await;
    }
}

impl Drop for LogPump {
    fn drop(&mut self) {
        self.running.abort();
    }
}

struct Worker {
    folder: std::path::PathBuf,
    context: PumpContext,
    advanced: Arc<Notify>,
    finish: watch::Receiver<bool>,
    progress: watch::Sender<PumpProgress>,
}

impl Worker {
    async fn run(self) {
        let start = self.start_position().await;
        let mut reader = spool::Reader::at(&self.folder, start);
        self.progress.send_replace(PumpProgress { read: start, acknowledged: start });
        let mut flush_at = None;
        loop {
            // Read before the spool, so that a finish that comes in between is seen in the next round.
            let finishing = *self.finish.borrow();
            let batch = match reader.read(LOG_BATCH_BYTES_MAX) {
                Ok(batch) => batch,
                Err(error) => {
                    self.unreadable(&error);
                    return;
                }
            };
            let due = flush_at.is_some_and(|at: Timestamp| at <= self.context.clock.now());
            if batch.is_empty() && !finishing && !due {
                self.wait(flush_at).await;
                continue;
            }
            let last = finishing && batch.is_empty();
            let (durable, flush) = self.append(&batch, last).await;
            flush_at = flush;
            if let Err(error) = reader.acknowledge(durable) {
                // The lines are safe; the spool's files stay until the task's folder is removed.
                warn!(task = self.context.task.id, %error, "the log spool can't be trimmed");
            }
            self.progress.send_replace(PumpProgress { read: reader.position(), acknowledged: durable });
            if last {
                return;
            }
        }
    }

    async fn wait(&self, flush_at: Option<Timestamp>) {
        let Some(at) = flush_at else { return self.advanced.notified().await };
        let _elapsed =
            tokio::time::timeout(at.since(self.context.clock.now()), self.advanced.notified()).await;
    }

    /// Tries until the log store has taken the lines: what a container wrote is never dropped here.
    async fn append(&self, batch: &spool::Batch, last: bool) -> (Position, Option<Timestamp>) {
        let mut attempt = 0;
        loop {
            let lines = lines(batch);
            let end = SpoolPosition(batch.end.0);
            let sent = self
                .context
                .control
                .append_log(&self.context.task, &self.context.targets, LogBatch { lines, end, last })
                .await;
            match sent {
                Ok(taken) => return (Position(taken.durable.0), taken.flush_at),
                Err(failure) => self.pause(&failure, &mut attempt).await,
            }
        }
    }

    async fn start_position(&self) -> Position {
        let mut attempt = 0;
        loop {
            match self.context.control.log_position(&self.context.task, &self.context.targets).await {
                Ok(position) => return Position(position.0),
                Err(failure) => self.pause(&failure, &mut attempt).await,
            }
        }
    }

    async fn pause(&self, failure: &ServiceFailure, attempt: &mut u32) {
        warn!(task = self.context.task.id, %failure, "the log store does not take lines; trying again");
        tokio::time::sleep(RETRY.wait(*attempt, &*self.context.random)).await;
        *attempt += 1;
    }

    fn unreadable(&self, error: &io::Error) {
        warn!(task = self.context.task.id, %error, "the log spool can't be read; its remaining lines are lost");
    }
}

/// The lines among a batch's records, each with the position after it.
fn lines(batch: &spool::Batch) -> Vec<LogLine<'_>> {
    let mut lines = Vec::new();
    for (record, end) in batch.records_with_ends() {
        if record.flags & (spool::FLAG_END | spool::FLAG_DROPPED) == 0 {
            lines.push(LogLine {
                target: usize::from(record.container),
                at_ms: i64::try_from(record.at_ms).unwrap_or(i64::MAX),
                bytes: record.payload,
                end: SpoolPosition(end.0),
            });
        }
    }
    lines
}
