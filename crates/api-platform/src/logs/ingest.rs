//! The way of a task's lines into its streams, without HTTP: what an awslogs driver does with the API.
//!
//! Lines come from a spool in order, and again from the last durable position after a failure or a restart.
//! Each event is stored exactly once: with it goes, in the same write, how far its container's lines are
//! read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError};

use api_auth::transact_error;
use state_model::Scope;
use state_model::logs::{LogGroup, LogStream};
use state_tables::State;
use state_telemetry::assemble::{AssembleOptions, AssembledEvent, Assembler};
use state_telemetry::logs::{Append, Batch, LogStore, SourcePosition};
use stdx::clock::Timestamp;
use tracing::warn;
use wire_schema::ServiceError;

use super::create_log_stream;
use super::errors::{invalid, not_stored};
use super::limits::{GROUP_CLASSES, SPOOLS_MAX};
use super::metrics::{Derived, LogMetrics};
use super::validation::{LogConstraints, Violations};

/// Where the lines of one container go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamTarget {
    pub scope: Scope,
    pub group: String,
    pub stream: String,
    /// `awslogs-create-group`
    pub create_group: bool,
    pub options: AssembleOptions,
}

/// One line without its newline.
#[derive(Clone, Copy, Debug)]
pub struct SpoolLine<'a> {
    pub target: usize,
    pub at: Timestamp,
    pub bytes: &'a [u8],
    /// The spool's position after it.
    pub end: u64,
}

/// What was read of a spool at once.
#[derive(Debug, Default)]
pub struct SpoolBatch<'a> {
    pub lines: Vec<SpoolLine<'a>>,
    pub end: u64,
    /// Nothing follows: unfinished events are finished now.
    pub is_last: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Everything before is stored.
    pub durable: u64,
    /// When an unfinished event is due though no line follows.
    pub flush_at: Option<Timestamp>,
}

/// Takes the lines of all tasks.
#[derive(Debug)]
pub struct Ingest {
    state: Arc<State>,
    store: LogStore,
    metrics: Arc<LogMetrics>,
    /// A spool's batches come one after the other; different spools don't wait for each other.
    spools: std::sync::Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Spool>>>>>,
}

/// What is known of a spool while it is read.
#[derive(Clone, Debug)]
struct Spool {
    read: u64,
    targets: BTreeMap<usize, Container>,
}

#[derive(Clone, Debug)]
struct Container {
    assembler: Assembler,
    /// Its lines before this position are stored.
    stored: u64,
    /// Where the first line of its unfinished event begins.
    unfinished: Option<u64>,
}

/// Checks the driver's options as the driver itself does, before the container starts.
pub fn check_options(options: &AssembleOptions) -> Result<(), ServiceError> {
    Assembler::new(options).map(|_| ()).map_err(|error| invalid(error.to_string()))
}

/// Makes sure that the stream exists, and its group when the target says so. Without, a missing group is
/// `ResourceNotFoundException: The specified log group does not exist.`
pub async fn prepare_stream(
    state: &State,
    store: &LogStore,
    target: &StreamTarget,
    now: Timestamp,
) -> Result<(), ServiceError> {
    let mut violations = Violations::default();
    violations.group_name(Some(&target.group), "logGroupName");
    violations.stream_name(Some(&target.stream), "logStreamName");
    violations.check()?;
    check_options(&target.options)?;
    if target.create_group {
        create_group(state, target, now).await?;
    }
    let key = LogStream::key_of(&target.scope, &target.group, &target.stream);
    if state.view().log_streams.contains(&key) {
        return Ok(());
    }
    create_log_stream::drop_leftovers(store, &target.scope, &target.group, &target.stream).await?;
    let insert = state.transact(|view, transaction| {
        create_log_stream::insert(view, transaction, &target.scope, &target.group, &target.stream, now)
    });
    insert.await.map_err(transact_error)?;
    Ok(())
}

async fn create_group(state: &State, target: &StreamTarget, now: Timestamp) -> Result<(), ServiceError> {
    let group = LogGroup {
        scope: target.scope.clone(),
        name: target.group.clone(),
        created_at: now,
        retention_days: None,
        class: GROUP_CLASSES[0].to_owned(),
        tags: BTreeMap::new(),
    };
    let insert = state.transact(|view, transaction| {
        if !view.log_groups.contains(&LogGroup::key_of(&group.scope, &group.name)) {
            transaction.insert(&group);
        }
        Ok(())
    });
    insert.await.map_err(transact_error)
}

impl Ingest {
    pub fn new(state: Arc<State>, store: LogStore, metrics: Arc<LogMetrics>) -> Self {
        Self { state, store, metrics, spools: std::sync::Mutex::new(HashMap::new()) }
    }

    /// What makes metrics of the events.
    pub fn metrics(&self) -> Arc<LogMetrics> {
        Arc::clone(&self.metrics)
    }

    /// Where to go on with the spool of `task`: everything before is stored.
    pub fn position(&self, task: &str) -> u64 {
        self.store.last_position(task).map_or(0, |position| position.offset)
    }

    /// Stores the events of the batch. After an error the same batch, or one that begins earlier, may come
    /// again.
    pub async fn append(
        &self,
        task: &str,
        targets: &BTreeMap<usize, StreamTarget>,
        batch: SpoolBatch<'_>,
        now: Timestamp,
    ) -> Result<Taken, ServiceError> {
        let shared = self.spool(task)?;
        let mut slot = shared.lock().await;
        let mut spool = match slot.as_ref() {
            Some(known) => known.clone(),
            None => self.load(task, targets)?,
        };
        let mut batches: BTreeMap<usize, Batch> = BTreeMap::new();
        spool.take(&batch, now, &mut batches);
        self.revive_streams(targets, &mut batches, now).await;
        let sources = spool.positions(task);
        let is_old = |(key, position): &(String, SourcePosition)| {
            self.store.last_position(key).is_some_and(|known| known >= *position)
        };
        let view = self.state.view();
        let mut derived = Vec::new();
        let batches: Vec<(String, Batch)> = batches
            .into_iter()
            .filter_map(|(index, batch)| {
                let target = targets.get(&index)?;
                derived.push(self.metrics.derive(&view, &target.scope, &target.group, &batch, now));
                Some((LogStream::key_of(&target.scope, &target.group, &target.stream), batch))
            })
            .collect();
        if !(batches.is_empty() && sources.iter().all(is_old)) {
            let ack = self.store.append(Append { sources, batches }).await.map_err(not_stored)?;
            self.count(derived.into_iter().filter(|_| !ack.is_duplicate)).await;
        }
        // Only now: after a failure the lines come again and must find everything as it was.
        let taken = spool.taken();
        if batch.is_last {
            *slot = None;
            self.spools.lock().unwrap_or_else(PoisonError::into_inner).remove(task);
        } else {
            *slot = Some(spool);
        }
        Ok(taken)
    }

    /// The events are stored already, so a failure must not bring them again.
    async fn count(&self, derived: impl Iterator<Item = Derived>) {
        for derived in derived {
            if let Err(error) = self.metrics.put(derived).await {
                warn!(error = &error as &dyn std::error::Error, "metrics of log events are lost");
            }
        }
    }

    /// The task is gone with its spool: forgets how far it was read.
    pub async fn forget(
        &self,
        task: &str,
        targets: impl IntoIterator<Item = usize>,
    ) -> Result<(), ServiceError> {
        self.spools.lock().unwrap_or_else(PoisonError::into_inner).remove(task);
        for index in targets {
            self.store.forget_source(&container_source(task, index)).await.map_err(not_stored)?;
        }
        self.store.forget_source(task).await.map_err(not_stored)
    }

    /// Forgets what it knows in memory of all spools: for a store that was cleared.
    pub fn clear(&self) {
        self.spools.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.metrics.clear();
    }

    fn spool(&self, task: &str) -> Result<Arc<tokio::sync::Mutex<Option<Spool>>>, ServiceError> {
        let mut spools = self.spools.lock().unwrap_or_else(PoisonError::into_inner);
        if spools.len() >= SPOOLS_MAX && !spools.contains_key(task) {
            return Err(invalid("Too many tasks write logs at the same time."));
        }
        Ok(Arc::clone(spools.entry(task.to_owned()).or_default()))
    }

    fn load(&self, task: &str, targets: &BTreeMap<usize, StreamTarget>) -> Result<Spool, ServiceError> {
        let read = self.position(task);
        let mut containers = BTreeMap::new();
        for (index, target) in targets {
            let own = self.store.last_position(&container_source(task, *index));
            let assembler = Assembler::new(&target.options).map_err(|error| invalid(error.to_string()))?;
            let stored = own.map_or(read, |position| position.offset.max(read));
            containers.insert(*index, Container { assembler, stored, unfinished: None });
        }
        Ok(Spool { read, targets: containers })
    }

    /// A stream that was deleted while its task runs begins anew, as with the driver; without its group the
    /// events have no place and are dropped, or the spool would never end.
    async fn revive_streams(
        &self,
        targets: &BTreeMap<usize, StreamTarget>,
        batches: &mut BTreeMap<usize, Batch>,
        now: Timestamp,
    ) {
        let mut lost = Vec::new();
        for index in batches.keys() {
            let Some(target) = targets.get(index) else { continue };
            let key = LogStream::key_of(&target.scope, &target.group, &target.stream);
            if self.state.view().log_streams.contains(&key) {
                continue;
            }
            if let Err(error) = prepare_stream(&self.state, &self.store, target, now).await {
                warn!(group = target.group, stream = target.stream, %error, "lines of a task are dropped");
                lost.push(*index);
            }
        }
        batches.retain(|index, _| !lost.contains(index));
    }
}

impl Spool {
    /// Turns lines into events.
    fn take(&mut self, batch: &SpoolBatch<'_>, now: Timestamp, batches: &mut BTreeMap<usize, Batch>) {
        let mut begin = self.read;
        let mut active = HashSet::new();
        for line in &batch.lines {
            let start = std::mem::replace(&mut begin, line.end);
            let Some(container) = self.targets.get_mut(&line.target) else { continue };
            // Stored before a restart, while another container's event kept the spool from going on.
            if line.end <= container.stored {
                continue;
            }
            active.insert(line.target);
            let was_idle = container.assembler.is_idle();
            let mut finished = false;
            container.assembler.push(line.at, line.bytes, &mut |event| {
                finished = true;
                add(batches.entry(line.target).or_default(), event.timestamp, event.message);
            });
            container.stored = line.end;
            if container.assembler.is_idle() {
                container.unfinished = None;
            } else if was_idle || finished {
                container.unfinished = Some(start);
            }
        }
        self.read = self.read.max(batch.end);
        for (index, container) in &mut self.targets {
            let mut sink = |event: AssembledEvent<'_>| {
                add(batches.entry(*index).or_default(), event.timestamp, event.message);
            };
            if batch.is_last {
                container.assembler.finish(&mut sink);
            } else if !active.contains(index) {
                // Lines that just came may have their continuation in the next batch, however old they are.
                container.assembler.flush_due(now, &mut sink);
            }
            if container.assembler.is_idle() {
                container.unfinished = None;
            }
            container.stored = container.stored.max(self.read);
        }
    }

    fn durable(&self) -> u64 {
        let unfinished = self.targets.values().filter_map(|container| container.unfinished);
        unfinished.chain([self.read]).min().unwrap_or(self.read)
    }

    fn taken(&self) -> Taken {
        let deadlines = self.targets.values().filter_map(|container| container.assembler.deadline());
        Taken { durable: self.durable(), flush_at: deadlines.min() }
    }

    /// The position of the spool, and of each container when they differ.
    fn positions(&self, task: &str) -> Vec<(String, SourcePosition)> {
        let position = |offset| SourcePosition { segment: 0, offset };
        let mut positions = vec![(task.to_owned(), position(self.durable()))];
        if self.durable() < self.read {
            for (index, container) in &self.targets {
                let offset = container.unfinished.unwrap_or(container.stored);
                positions.push((container_source(task, *index), position(offset)));
            }
        }
        positions
    }
}

fn container_source(task: &str, index: usize) -> String {
    format!("{task}#{index}")
}

fn add(batch: &mut Batch, timestamp: Timestamp, message: &str) {
    // An event is far smaller than what a batch refuses, and a spool is read in small pieces.
    if !batch.push(timestamp.as_millis(), message.as_bytes()) {
        warn!(bytes = message.len(), "a log event was too large to be stored");
    }
}
