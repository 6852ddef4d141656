//! What log events say as metrics: by metric filters, by the embedded metric format, and how much of them came in.
//!
//! Data points follow the events that they are made of: they are put when the events are stored. A crash between the two loses the
//! data points of that one batch, and never counts anything twice.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use memchr::memmem;
use state_model::Scope;
use state_model::logs::MetricFilter;
use state_tables::View;
use state_telemetry::logs::Batch;
use state_telemetry::metrics::{
    Durability, MetricId, MetricStore, PutError, Resolution, Sample, Unit, Values,
};
use stdx::clock::{SharedClock, Timestamp};
use stdx_async::shutdown::Shutdown;

use super::limits::{COMPILED_FILTERS_MAX, EVENT_OVERHEAD_BYTES, METRIC_FLUSH_PERIOD};

mod embedded;
mod filter;

pub(super) use filter::CompiledFilter;

/// Makes metrics out of events on their way into the store.
#[derive(Debug)]
pub struct LogMetrics {
    metrics: MetricStore,
    compiled: Mutex<HashMap<String, Known>>,
    pending: Mutex<Pending>,
}

#[derive(Debug)]
struct Known {
    revision: u64,
    /// None: written by a version that knew more, and can't be evaluated.
    filter: Option<Arc<CompiledFilter>>,
}

/// What is put once in a while: losing it in a crash costs a few seconds of counters.
#[derive(Debug, Default)]
struct Pending {
    incoming: HashMap<(Scope, String), Counts>,
    /// Per filter with a default value, and minute: whether an event matched.
    minutes: BTreeMap<(i64, String), Minute>,
}

#[derive(Debug, Default)]
struct Counts {
    events: u64,
    bytes: u64,
}

#[derive(Debug)]
struct Minute {
    is_matched: bool,
    /// What to put when none matched.
    id: MetricId,
    unit: Unit,
    value: f64,
}

/// What the events of one batch say. Put it when they are stored.
#[derive(Debug, Default)]
pub struct Derived {
    points: Points,
}

/// Values by what they belong to: thousands of events become few samples.
#[derive(Debug, Default)]
pub(super) struct Points {
    values: HashMap<PointKey, Vec<(f64, f64)>>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PointKey {
    pub id: MetricId,
    /// The beginning of the minute, or of the second.
    pub at: Timestamp,
    pub unit: Unit,
    pub is_fine: bool,
}

impl Points {
    pub(super) fn add(&mut self, key: PointKey, value: f64) {
        let values = self.values.entry(key).or_default();
        match values.iter_mut().rev().take(8).find(|(known, _)| known.to_bits() == value.to_bits()) {
            Some((_, count)) => *count += 1.0,
            None => values.push((value, 1.0)),
        }
    }

    fn into_samples(self) -> Vec<Sample> {
        let sample = |(key, values): (PointKey, Vec<(f64, f64)>)| Sample {
            id: key.id,
            at: key.at,
            unit: key.unit,
            resolution: if key.is_fine { Resolution::Second } else { Resolution::Minute },
            values: Values::Counted(values),
        };
        self.values.into_iter().map(sample).collect()
    }
}

impl LogMetrics {
    pub fn new(metrics: MetricStore) -> Self {
        Self { metrics, compiled: Mutex::default(), pending: Mutex::default() }
    }

    /// What the events of a batch say. Costs a look at the table and one search over the messages where nothing is asked for.
    pub fn derive(&self, view: &View, scope: &Scope, group: &str, batch: &Batch, now: Timestamp) -> Derived {
        let mut points = Points::default();
        let prefix = MetricFilter::key_of(scope, group, "");
        for (key, row) in view.log_metric_filters.prefix(&prefix) {
            if let Some(filter) = self.filter(key, row.revision, row) {
                let is_matched = filter.apply(batch, now, &mut points);
                self.note_minute(key, &filter, is_matched, now);
            }
        }
        if memmem::find(batch.messages(), embedded::MARK).is_some() {
            for (at, message) in batch.events() {
                if memmem::find(message, embedded::MARK).is_some() {
                    embedded::apply(scope, Timestamp(at), message, now, &mut points);
                }
            }
        }
        self.note_incoming(scope, group, batch);
        Derived { points }
    }

    /// Adds data points whose events are stored; durable when it returns.
    pub async fn put(&self, derived: Derived) -> Result<(), PutError> {
        let samples = derived.points.into_samples();
        if samples.is_empty() {
            return Ok(());
        }
        self.metrics.put(samples, Durability::Synced).await
    }

    fn filter(&self, key: &str, revision: u64, record: &MetricFilter) -> Option<Arc<CompiledFilter>> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = compiled.get(key).filter(|known| known.revision == revision) {
            return known.filter.clone();
        }
        let filter = CompiledFilter::new(record).ok().map(Arc::new);
        if compiled.len() >= COMPILED_FILTERS_MAX {
            // Filters of groups that are gone are still here; those in use come back at once.
            compiled.clear();
        }
        compiled.insert(key.to_owned(), Known { revision, filter: filter.clone() });
        filter
    }

    fn note_minute(&self, key: &str, filter: &CompiledFilter, is_matched: bool, now: Timestamp) {
        let Some(value) = filter.default_value else { return };
        let minute = now.as_secs().div_euclid(60) * 60;
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Minute { is_matched: false, id: filter.id.clone(), unit: filter.unit, value };
        let known = pending.minutes.entry((minute, key.to_owned())).or_insert_with(fresh);
        known.is_matched |= is_matched;
    }

    fn note_incoming(&self, scope: &Scope, group: &str, batch: &Batch) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = pending.incoming.entry((scope.clone(), group.to_owned())).or_default();
        counts.events += batch.len() as u64;
        counts.bytes += (batch.bytes() + EVENT_OVERHEAD_BYTES * batch.len()) as u64;
    }

    /// Puts what has gathered, until the end.
    pub async fn flush_periodically(self: Arc<Self>, clock: SharedClock, mut shutdown: Shutdown) {
        loop {
            let is_end = tokio::select! {
                () = tokio::time::sleep(METRIC_FLUSH_PERIOD) => false,
                () = shutdown.requested() => true,
            };
            let samples = self.gathered(clock.now());
            if !samples.is_empty()
                && let Err(error) = self.metrics.put(samples, Durability::Soon).await
            {
                tracing::warn!(error = &error as &dyn std::error::Error, "counters of logs were not stored");
            }
            if is_end {
                return;
            }
        }
    }

    fn gathered(&self, now: Timestamp) -> Vec<Sample> {
        let minute = now.as_secs().div_euclid(60) * 60;
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let open = pending.minutes.split_off(&(minute, String::new()));
        let past = std::mem::replace(&mut pending.minutes, open);
        let incoming = std::mem::take(&mut pending.incoming);
        drop(pending);
        let silent = past.into_iter().filter(|(_, minute)| !minute.is_matched);
        let mut samples: Vec<Sample> = silent
            .map(|((at, _), minute)| Sample {
                id: minute.id,
                at: Timestamp::from_secs(at),
                unit: minute.unit,
                resolution: Resolution::Minute,
                values: Values::One(minute.value),
            })
            .collect();
        for ((scope, group), counts) in incoming {
            let counters = [
                ("IncomingLogEvents", Unit::None, counts.events),
                ("IncomingBytes", Unit::Bytes, counts.bytes),
            ];
            for (name, unit, count) in counters {
                for dimensions in [vec![("LogGroupName", group.as_str())], Vec::new()] {
                    samples.push(Sample {
                        id: MetricId::new(scope.to_string(), "AWS/Logs", name, dimensions),
                        at: now,
                        unit,
                        resolution: Resolution::Minute,
                        values: Values::One(count as f64),
                    });
                }
            }
        }
        samples
    }

    /// Forgets what has gathered: for stores that were cleared.
    pub fn clear(&self) {
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.pending.lock().unwrap_or_else(PoisonError::into_inner) = Pending::default();
    }

    /// The filter is gone.
    pub(super) fn forget(&self, key: &str) {
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
