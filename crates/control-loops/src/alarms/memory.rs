//! Which alarms there are, when each is due, and which composite ones something happened to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use control_plan::alarms::schedule;
use state_model::cloudwatch::{Alarm, MetricWatch, Watch};
use state_tables::{Row, View};
use state_telemetry::metrics::Query;
use stdx::clock::Timestamp;

use super::metric;
use crate::limits::{CLOCK_JUMP_MIN, CONFLICT_PAUSE};

#[derive(Debug, Default)]
pub(super) struct Remembered {
    former: Option<Arc<View>>,
    watched: BTreeMap<Arc<str>, Watched>,
    /// In the order in which they are due.
    queue: BTreeSet<(Timestamp, Arc<str>)>,
    /// Keys of composite alarms that are to be evaluated.
    pub touched: BTreeSet<String>,
    /// Keys of alarms that are gone and may have left a state.
    pub gone: BTreeSet<String>,
    /// When held back actions may be released.
    pub release_at: Option<Timestamp>,
    pub prune_at: Option<Duration>,
    clock: Option<(Timestamp, Duration)>,
    started_at: Timestamp,
    jumped_at: Option<Timestamp>,
}

/// A metric alarm, ready to be evaluated.
#[derive(Debug)]
pub(super) struct Watched {
    pub row: Row<Alarm>,
    pub queries: Arc<[Query]>,
    due: Timestamp,
}

impl Watched {
    pub fn watch(&self) -> Option<&MetricWatch> {
        match &self.row.watch {
            Watch::Metric(watch) => Some(watch),
            Watch::Composite(_) => None,
        }
    }
}

impl Remembered {
    /// Finds out whether the wall clock went another way than time does.
    pub fn note_time(&mut self, now: Timestamp, monotonic: Duration) {
        let Some((wall, reading)) = self.clock.replace((now, monotonic)) else {
            self.started_at = now;
            return;
        };
        let expected = wall.plus(monotonic.saturating_sub(reading));
        let off = now.since(expected).max(expected.since(now));
        if off < CLOCK_JUMP_MIN {
            return;
        }
        tracing::warn!(?off, "the clock jumped: alarms go by what is measured from now on");
        self.jumped_at = Some(now);
        self.queue.clear();
        for (key, watched) in &mut self.watched {
            watched.due = watched.watch().map_or(now, |watch| schedule::next_due(watch, now));
            self.queue.insert((watched.due, Arc::clone(key)));
        }
    }

    /// Data from before it doesn't count.
    pub fn data_from(&self) -> Option<Timestamp> {
        self.jumped_at
    }

    /// From when on a gap in the alarm's data means that there was none.
    pub fn gaps_from(&self, alarm: &Alarm) -> Timestamp {
        let started = (alarm.created_at < self.started_at).then_some(self.started_at);
        // A jump came after the start, whatever the clock says: one that goes back leaves the start in the future.
        self.jumped_at.or(started).unwrap_or(Timestamp::from_millis(i64::MIN))
    }

    /// Takes in what has changed since the snapshot before.
    pub fn follow(&mut self, view: Arc<View>, now: Timestamp) {
        let former = self.former.replace(Arc::clone(&view)).unwrap_or_default();
        for changed in view.alarms.changed_since(&former.alarms) {
            self.follow_alarm(changed.key, changed.after, now);
            self.touch_parents(&view, changed.key);
        }
        for changed in view.alarm_states.changed_since(&former.alarm_states) {
            self.touch_parents(&view, changed.key);
        }
    }

    fn follow_alarm(&mut self, key: &str, row: Option<&Row<Alarm>>, now: Timestamp) {
        if let Some(before) = self.watched.remove(key) {
            self.queue.remove(&(before.due, key.into()));
        }
        match row {
            None => {
                self.touched.remove(key);
                self.gone.insert(key.to_owned());
            }
            Some(row) => match &row.watch {
                Watch::Composite(_) => _ = self.touched.insert(key.to_owned()),
                Watch::Metric(watch) => {
                    let queries = metric::queries(&row.scope, watch).into();
                    // A new alarm, and one with other settings, is looked at right away.
                    let watched = Watched { row: row.clone(), queries, due: now };
                    let key: Arc<str> = key.into();
                    self.queue.insert((now, Arc::clone(&key)));
                    self.watched.insert(key, watched);
                }
            },
        }
    }

    fn touch_parents(&mut self, view: &View, key: &str) {
        let parents = view.alarms.entries_by(Alarm::CHILD, key);
        self.touched.extend(parents.map(|(parent, _)| parent.to_owned()));
    }

    /// Takes what is due out of the queue, and plans when it is due again.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<Arc<str>> {
        let mut due = Vec::new();
        while let Some((at, key)) = self.queue.first().cloned() {
            if at > now {
                break;
            }
            self.queue.pop_first();
            if let Some(watched) = self.watched.get_mut(&key) {
                watched.due = watched.watch().map_or(now, |watch| schedule::next_due(watch, now));
                self.queue.insert((watched.due, Arc::clone(&key)));
                due.push(key);
            }
        }
        due
    }

    pub fn watched(&self, key: &str) -> Option<&Watched> {
        self.watched.get(key)
    }

    /// A decision met another writer: it is made again soon.
    pub fn again(&mut self, key: &str, now: Timestamp) {
        if let Some(watched) = self.watched.get_mut(key) {
            self.queue.remove(&(watched.due, key.into()));
            watched.due = now.plus(CONFLICT_PAUSE);
            self.queue.insert((watched.due, key.into()));
        }
    }

    pub fn next(&self) -> Option<Timestamp> {
        let due = self.queue.first().map(|(at, _)| *at);
        [due, self.release_at].into_iter().flatten().min()
    }
}
