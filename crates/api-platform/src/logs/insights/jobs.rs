//! Queries under way and what they found, in memory: a restart forgets both.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use state_model::Scope;
use state_model::logs::LogStream;
use state_telemetry::insights::{EventRow, Query, Run};
use state_telemetry::logs::{Event, Filter, LogStore, Selector};
use state_telemetry::pattern::Pattern;
use stdx::clock::{SharedClock, Timestamp};
use tokio::sync::Semaphore;

use super::record;
use crate::logs::get_log_events::text;
use crate::logs::limits::{
    EVENTS_PER_PAGE_MAX, QUERIES_KEPT_MAX, QUERIES_OPEN_MAX, QUERIES_RUNNING_MAX, QUERY_KEPT,
    QUERY_RESULTS_BYTES_MAX, QUERY_TIME_MAX,
};

/// All queries of the server.
#[derive(Debug)]
pub struct Queries {
    jobs: Mutex<BTreeMap<String, Arc<Job>>>,
    running: Arc<Semaphore>,
}

impl Default for Queries {
    fn default() -> Self {
        Self { jobs: Mutex::default(), running: Arc::new(Semaphore::new(QUERIES_RUNNING_MAX)) }
    }
}

/// One query.
#[derive(Debug)]
pub struct Job {
    pub id: String,
    pub scope: Scope,
    pub groups: Vec<String>,
    pub text: String,
    /// Inclusive.
    pub start_ms: i64,
    /// Exclusive.
    pub end_ms: i64,
    pub limit: usize,
    pub created_at: Timestamp,
    pub caller: String,
    cancelled: AtomicBool,
    pub counts: Counts,
    state: Mutex<JobState>,
}

#[derive(Debug, Default)]
pub struct Counts {
    pub matched: AtomicU64,
    pub scanned: AtomicU64,
    pub bytes: AtomicU64,
}

#[derive(Clone, Debug)]
pub struct JobState {
    pub status: &'static str,
    pub ended_at: Option<Timestamp>,
    pub rows: Arc<Vec<Vec<(String, String)>>>,
    bytes: usize,
}

impl Job {
    #[expect(clippy::too_many_arguments, reason = "each is a member of the request")]
    pub fn new(
        id: String,
        scope: Scope,
        groups: Vec<String>,
        text: String,
        (start_ms, end_ms): (i64, i64),
        limit: usize,
        created_at: Timestamp,
        caller: String,
    ) -> Self {
        let state = JobState { status: "Scheduled", ended_at: None, rows: Arc::default(), bytes: 0 };
        Self {
            id,
            scope,
            groups,
            text,
            start_ms,
            end_ms,
            limit,
            created_at,
            caller,
            cancelled: AtomicBool::new(false),
            counts: Counts::default(),
            state: Mutex::new(state),
        }
    }

    pub fn state(&self) -> JobState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it had not ended before.
    pub fn cancel(&self, now: Timestamp) -> bool {
        self.cancelled.store(true, Ordering::Relaxed);
        self.end("Cancelled", Vec::new(), now)
    }

    fn begin(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.ended_at.is_none() {
            state.status = "Running";
        }
    }

    /// The first end counts.
    fn end(&self, status: &'static str, rows: Vec<Vec<(String, String)>>, now: Timestamp) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.ended_at.is_some() {
            return false;
        }
        let bytes = rows.iter().flatten().map(|(name, value)| name.len() + value.len() + 64).sum();
        *state = JobState { status, ended_at: Some(now), rows: Arc::new(rows), bytes };
        true
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.cancelled.load(Ordering::Relaxed) || now.since(self.created_at) > QUERY_TIME_MAX
    }
}

impl Queries {
    /// Takes a query in; `None` when too many of its account haven't ended.
    pub fn add(&self, job: Job, now: Timestamp) -> Option<Arc<Job>> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        forget_old(&mut jobs, now);
        let is_open = |other: &&Arc<Job>| other.scope == job.scope && other.state().ended_at.is_none();
        if jobs.values().filter(is_open).count() >= QUERIES_OPEN_MAX {
            return None;
        }
        let job = Arc::new(job);
        jobs.insert(job.id.clone(), Arc::clone(&job));
        Some(job)
    }

    pub fn find(&self, scope: &Scope, id: &str) -> Option<Arc<Job>> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.get(id).filter(|job| job.scope == *scope).cloned()
    }

    /// Latest first.
    pub fn of(&self, scope: &Scope) -> Vec<Arc<Job>> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own: Vec<Arc<Job>> = jobs.values().filter(|job| job.scope == *scope).cloned().collect();
        own.sort_by(|left, right| (right.created_at, &right.id).cmp(&(left.created_at, &left.id)));
        own
    }

    /// Ends and forgets everything: for a store that was cleared.
    pub fn clear(&self, now: Timestamp) {
        let jobs = std::mem::take(&mut *self.jobs.lock().unwrap_or_else(PoisonError::into_inner));
        for job in jobs.values() {
            job.cancel(now);
        }
    }

    /// Runs a query when it is its turn.
    pub fn run(self: &Arc<Self>, job: Arc<Job>, query: Query, store: LogStore, clock: SharedClock) {
        let running = Arc::clone(&self.running);
        stdx_async::supervisor::spawn("logs-query", async move {
            // Never closed.
            let Ok(_turn) = running.acquire_owned().await else { return };
            let (work, at_end) = (Arc::clone(&job), Arc::clone(&clock));
            let ended = stdx_async::supervisor::blocking(move || read(&work, &query, &store, &clock)).await;
            match ended {
                Ok(Some(rows)) => job.end("Complete", rows, at_end.now()),
                Ok(None) => job.end("Timeout", Vec::new(), at_end.now()),
                Err(reason) => {
                    tracing::info!(query = job.id, reason, "a query failed");
                    job.end("Failed", Vec::new(), at_end.now())
                }
            };
        });
    }
}

fn forget_old(jobs: &mut BTreeMap<String, Arc<Job>>, now: Timestamp) {
    let ended = jobs.values().filter_map(|job| {
        let state = job.state();
        state.ended_at.map(|at| (at, job.id.clone(), state.bytes))
    });
    let mut ended: Vec<_> = ended.collect();
    ended.sort_unstable_by(|left, right| right.cmp(left));
    let mut bytes = 0;
    for (place, (at, id, own)) in ended.into_iter().enumerate() {
        bytes += own;
        if place >= QUERIES_KEPT_MAX || bytes > QUERY_RESULTS_BYTES_MAX || now.since(at) > QUERY_KEPT {
            jobs.remove(&id);
        }
    }
}

/// Each has names and values of fields.
type Rows = Vec<Vec<(String, String)>>;

/// The rows; none when the query was stopped or took too long.
///
/// # Errors
/// Why it failed, for the log.
fn read(job: &Job, query: &Query, store: &LogStore, clock: &SharedClock) -> Result<Option<Rows>, String> {
    job.begin();
    let mut run = Run::new(query, job.limit);
    // The order over several groups is only kept within one of them, so each event goes by its time.
    let mut sources: Vec<Source> = job.groups.iter().map(|group| Source::new(job, group)).collect();
    loop {
        for source in &mut sources {
            while source.page.is_empty() && !source.is_done {
                if job.is_over(clock.now()) {
                    return Ok(None);
                }
                source.read(job, store).map_err(|error| error.to_string())?;
            }
        }
        let newest = sources.iter().enumerate().filter_map(|(index, source)| {
            source.page.last().map(|event| (event.timestamp_ms, std::cmp::Reverse(index)))
        });
        let Some((_, std::cmp::Reverse(index))) = newest.max() else { break };
        let source = &mut sources[index];
        let Some(event) = source.page.pop() else { break };
        let row = source.row(event);
        run.push(row).map_err(|error| error.to_string())?;
        job.counts.matched.store(run.matched, Ordering::Relaxed);
    }
    run.finish().map(|outcome| Some(outcome.rows)).map_err(|error| error.to_string())
}

/// The events of one group, latest first.
struct Source {
    filter: Filter,
    log: Arc<str>,
    prefix: String,
    /// Of the last event's stream: its key and its name.
    stream: Option<(Arc<str>, Arc<str>)>,
    /// The next one last.
    page: Vec<Event>,
    is_done: bool,
}

impl Source {
    fn new(job: &Job, group: &str) -> Self {
        let prefix = LogStream::key_of(&job.scope, group, "");
        let filter = Filter {
            selector: Selector::Prefix(prefix.clone()),
            start_ms: Some(job.start_ms),
            end_ms: Some(job.end_ms),
            pattern: Pattern::everything(),
            from_head: false,
            limit: usize::try_from(EVENTS_PER_PAGE_MAX).unwrap_or(1),
            cursor: None,
        };
        let log = format!("{}:{group}", job.scope.account).into();
        Self { filter, log, prefix, stream: None, page: Vec::new(), is_done: false }
    }

    fn read(&mut self, job: &Job, store: &LogStore) -> Result<(), state_telemetry::logs::ReadError> {
        let page = store.filter(&self.filter)?;
        self.filter.cursor = page.next;
        self.is_done = page.next.is_none();
        self.page = page.events;
        self.page.reverse();
        let bytes: usize = self.page.iter().map(|event| event.message.len()).sum();
        job.counts.scanned.fetch_add(self.page.len() as u64, Ordering::Relaxed);
        job.counts.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(())
    }

    fn row(&mut self, event: Event) -> EventRow {
        let name = match &self.stream {
            Some((key, name)) if *key == event.stream => Arc::clone(name),
            _ => {
                let name: Arc<str> = event.stream.strip_prefix(&self.prefix).unwrap_or(&event.stream).into();
                self.stream = Some((Arc::clone(&event.stream), Arc::clone(&name)));
                name
            }
        };
        EventRow {
            timestamp_ms: event.timestamp_ms,
            ingestion_ms: event.ingestion_ms,
            pointer: record::pointer(&event),
            message: text(event.message),
            log_stream: name,
            log: Arc::clone(&self.log),
        }
    }
}
