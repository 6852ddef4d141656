//! From the lines of tasks' spools to events in the log store, each exactly once.
//!
//! Every container of a task is a source of its own with a position in the spool. Lines that wait for the rest of their
//! multi-line event hold that position back: after a crash they are read again, and others aren't.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use link_protocol::TaskName;
use link_protocol::log::{LogAcknowledgement, LogBatch, LogLine, LogTarget, LogTargets, SpoolPosition};
use state_telemetry::assemble::{AssembleOptions, AssembledEvent, Assembler};
use state_telemetry::limits::DRIVER_EVENT_BYTES_MAX;
use state_telemetry::logs::{Append, AppendError, Batch, LogStore, SourcePosition};
use stdx::clock::{SharedClock, Timestamp};

#[derive(Debug)]
pub struct LogSink {
    store: LogStore,
    clock: SharedClock,
    tasks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<TaskLog>>>>,
}

/// What is known of a task's log between batches.
#[derive(Clone, Debug, Default)]
struct TaskLog {
    containers: BTreeMap<usize, ContainerLog>,
}

#[derive(Clone, Debug)]
struct ContainerLog {
    source: String,
    stream: String,
    /// None when every line is an event.
    assembler: Option<Assembler>,
    /// Everything of this container before it is stored.
    safe: SpoolPosition,
    batch: Batch,
}

#[derive(Debug, thiserror::Error)]
pub enum LogSinkError {
    #[error("{0}")]
    Options(#[from] state_telemetry::assemble::AssembleError),
    #[error("the log store did not take the lines")]
    Store(#[from] AppendError),
}

impl LogSink {
    pub fn new(store: LogStore, clock: SharedClock) -> Self {
        Self { store, clock, tasks: Mutex::default() }
    }

    /// Where the spool of `task` is to be read on.
    pub fn position(&self, task: &TaskName, targets: &LogTargets) -> SpoolPosition {
        let positions = targets.keys().map(|index| self.stored_position(&source(task, *index)));
        positions.min().unwrap_or_default()
    }

    fn stored_position(&self, source: &str) -> SpoolPosition {
        SpoolPosition(self.store.last_position(source).map_or(0, |position| position.offset))
    }

    /// Stores what a batch completes.
    ///
    /// # Errors
    /// Then nothing of the batch was taken: the same batch is to be given again.
    pub async fn append(
        &self,
        task: &TaskName,
        targets: &LogTargets,
        batch: LogBatch<'_>,
    ) -> Result<LogAcknowledgement, LogSinkError> {
        let shared = self.task(task, targets)?;
        let mut current = shared.lock().await;
        let mut next = current.clone();
        next.take(&batch, self.clock.now());
        let acknowledgement = LogAcknowledgement {
            durable: next.containers.values().map(|container| container.safe).min().unwrap_or(batch.end),
            flush_at: next.deadline(),
        };
        let append = next.append(&current);
        if !append.sources.is_empty() {
            self.store.append(append).await?;
        }
        *current = next;
        if batch.last {
            self.lock().remove(&task.key());
        }
        Ok(acknowledgement)
    }

    /// The spool is gone: its positions are of no use any more.
    pub async fn forget(&self, task: &TaskName, targets: &LogTargets) -> Result<(), LogSinkError> {
        self.lock().remove(&task.key());
        for index in targets.keys() {
            self.store.forget_source(&source(task, *index)).await?;
        }
        Ok(())
    }

    fn task(
        &self,
        task: &TaskName,
        targets: &LogTargets,
    ) -> Result<Arc<tokio::sync::Mutex<TaskLog>>, LogSinkError> {
        if let Some(known) = self.lock().get(&task.key()) {
            return Ok(Arc::clone(known));
        }
        let mut log = TaskLog::default();
        for (index, target) in targets {
            let source = source(task, *index);
            let safe = self.stored_position(&source);
            log.containers.insert(*index, ContainerLog::new(source, target, safe)?);
        }
        let shared = Arc::new(tokio::sync::Mutex::new(log));
        self.lock().insert(task.key(), Arc::clone(&shared));
        Ok(shared)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<TaskLog>>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn source(task: &TaskName, index: usize) -> String {
    format!("{}/{index}", task.key())
}

impl TaskLog {
    fn take(&mut self, batch: &LogBatch<'_>, now: Timestamp) {
        let mut before = None;
        for line in &batch.lines {
            if let Some(container) = self.containers.get_mut(&line.target) {
                container.push(line, before);
            }
            before = Some(line.end);
        }
        for container in self.containers.values_mut() {
            container.settle(batch, now);
        }
    }

    fn deadline(&self) -> Option<Timestamp> {
        let assemblers = self.containers.values().filter_map(|container| container.assembler.as_ref());
        assemblers.filter_map(Assembler::deadline).min()
    }

    /// What is to be stored: the events, and the positions that moved.
    fn append(&mut self, former: &TaskLog) -> Append {
        let mut append = Append::default();
        for (index, container) in &mut self.containers {
            let moved = former.containers.get(index).is_none_or(|former| former.safe != container.safe);
            if moved {
                let position = SourcePosition { segment: 0, offset: container.safe.0 };
                append.sources.push((container.source.clone(), position));
            }
            if !container.batch.is_empty() {
                append.batches.push((container.stream.clone(), std::mem::take(&mut container.batch)));
            }
        }
        append
    }
}

impl ContainerLog {
    fn new(source: String, target: &LogTarget, safe: SpoolPosition) -> Result<Self, LogSinkError> {
        let options = AssembleOptions {
            datetime_format: target.datetime_format.clone(),
            multiline_pattern: target.multiline_pattern.clone(),
        };
        let every_line = options == AssembleOptions::default();
        let assembler = if every_line { None } else { Some(Assembler::new(&options)?) };
        let stream = api_platform::logs::stream_key(&target.scope, &target.group, &target.stream);
        Ok(Self { source, stream, assembler, safe, batch: Batch::new() })
    }

    /// `before` is the position before the line, when the batch tells it.
    fn push(&mut self, line: &LogLine<'_>, before: Option<SpoolPosition>) {
        if line.end <= self.safe {
            return;
        }
        let at = Timestamp::from_millis(line.at_ms);
        let batch = &mut self.batch;
        let Some(assembler) = &mut self.assembler else {
            push_event(batch, line.at_ms, line.bytes);
            return;
        };
        let mut completed = assembler.is_idle();
        assembler.push(at, line.bytes, &mut |event: AssembledEvent| {
            completed = true;
            push_event(batch, event.timestamp.as_millis(), event.message.as_bytes());
        });
        if assembler.is_idle() {
            self.safe = line.end;
        } else if completed && let Some(before) = before {
            // The former event is whole; this line begins the next and is read again after a crash.
            self.safe = self.safe.max(before);
        }
    }

    fn settle(&mut self, batch: &LogBatch<'_>, now: Timestamp) {
        let events = &mut self.batch;
        if let Some(assembler) = &mut self.assembler {
            let mut sink =
                |event: AssembledEvent| push_event(events, event.timestamp.as_millis(), event.message.as_bytes());
            assembler.flush_due(now, &mut sink);
            if batch.last {
                assembler.finish(&mut sink);
            }
            if !assembler.is_idle() {
                return;
            }
        }
        self.safe = self.safe.max(batch.end);
    }
}

/// Events are text: what isn't becomes it. Empty lines are dropped, as by the awslogs driver; the agent's batches are far
/// below what a batch of the store holds, and its lines are below an event's limit.
fn push_event(batch: &mut Batch, at_ms: i64, bytes: &[u8]) {
    for piece in bytes.chunks(DRIVER_EVENT_BYTES_MAX) {
        let taken = match std::str::from_utf8(piece) {
            Ok(text) => batch.push(at_ms, text.as_bytes()),
            Err(_) => batch.push(at_ms, String::from_utf8_lossy(piece).as_bytes()),
        };
        debug_assert!(taken, "an agent's batch fits into a batch of the store");
    }
}
