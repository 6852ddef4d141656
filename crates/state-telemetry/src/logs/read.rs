//! What readers ask and get: pages of events, with cursors.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::error::ReadError;
use super::scan::{Direction, Found, Scan, Snapshot};
use super::state::StreamStats;
use super::store::LogStore;
use crate::limits::PAGE_EVENTS_MAX;
use crate::pattern::Pattern;

/// A place in the order of all events. Doubles as a cursor: its text can be kept and read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub timestamp_ms: i64,
    stream: u32,
    sequence: u64,
}

impl Key {
    pub(super) fn new(timestamp_ms: i64, stream: u32, sequence: u64) -> Self {
        Self { timestamp_ms, stream, sequence }
    }

    /// The place before every event of that time.
    pub(super) fn at(timestamp_ms: i64) -> Self {
        Self::new(timestamp_ms, 0, 0)
    }

    pub(super) fn next(self) -> Self {
        Self { sequence: self.sequence + 1, ..self }
    }

    /// The first place at or behind this one among the events of `stream`.
    pub(super) fn within(self, stream: u32) -> (i64, u64) {
        match self.stream.cmp(&stream) {
            std::cmp::Ordering::Less => (self.timestamp_ms, 0),
            std::cmp::Ordering::Equal => (self.timestamp_ms, self.sequence),
            std::cmp::Ordering::Greater => (self.timestamp_ms.saturating_add(1), 0),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:x}.{:x}", self.timestamp_ms, self.stream, self.sequence)
    }
}

/// The text was no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct KeyError;

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.split('.');
        let (Some(timestamp), Some(stream), Some(sequence), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(KeyError);
        };
        Ok(Self {
            timestamp_ms: timestamp.parse().map_err(|_| KeyError)?,
            stream: u32::from_str_radix(stream, 16).map_err(|_| KeyError)?,
            sequence: u64::from_str_radix(sequence, 16).map_err(|_| KeyError)?,
        })
    }
}

/// A stored event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub key: Key,
    pub stream: Arc<str>,
    pub timestamp_ms: i64,
    pub ingestion_ms: i64,
    pub message: Vec<u8>,
}

impl Event {
    /// 56 digits, as CloudWatch Logs gives them; the same for the same event, and in order.
    pub fn id(&self) -> String {
        let Key { timestamp_ms, stream, sequence } = self.key;
        format!("{:020}{stream:012}{sequence:024}", timestamp_ms.max(0))
    }
}

/// Which streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    Streams(Vec<String>),
    /// Every stream whose key begins so, also those that begin to exist later.
    Prefix(String),
    /// What any of these selects.
    Any(Vec<Selector>),
}

impl Selector {
    pub(super) fn selects(&self, key: &str) -> bool {
        match self {
            Selector::Streams(keys) => keys.iter().any(|known| known == key),
            Selector::Prefix(prefix) => key.starts_with(prefix.as_str()),
            Selector::Any(selectors) => selectors.iter().any(|selector| selector.selects(key)),
        }
    }
}

/// Asks for one page of one stream.
#[derive(Clone, Debug)]
pub struct GetEvents {
    pub stream: String,
    /// Inclusive.
    pub start_ms: Option<i64>,
    /// Exclusive.
    pub end_ms: Option<i64>,
    pub from_head: bool,
    pub limit: usize,
    pub cursor: Option<PageCursor>,
}

/// Where a page begins, and in which direction it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageCursor {
    Forward(Key),
    Backward(Key),
}

/// A page of one stream, in order. A cursor that comes back unchanged means that there is no more for now.
#[derive(Clone, Debug)]
pub struct EventPage {
    pub events: Vec<Event>,
    pub forward: Key,
    pub backward: Key,
}

/// Asks for one page of what matches in several streams.
#[derive(Clone, Debug)]
pub struct Filter {
    pub selector: Selector,
    /// Inclusive.
    pub start_ms: Option<i64>,
    /// Exclusive.
    pub end_ms: Option<i64>,
    pub pattern: Pattern,
    /// Earliest first; otherwise latest first.
    pub from_head: bool,
    pub limit: usize,
    pub cursor: Option<Key>,
}

/// A page may be empty and still have more behind it: each looks through a bounded amount.
#[derive(Clone, Debug)]
pub struct FilterPage {
    pub events: Vec<Event>,
    pub next: Option<Key>,
    pub scanned_bytes: u64,
}

impl LogStore {
    pub fn stats(&self, stream: &str) -> Option<StreamStats> {
        let state = self.shared().read();
        state.stats(*state.numbers.get(stream)?)
    }

    /// Stored bytes of all selected streams.
    pub fn stored_bytes(&self, selector: &Selector) -> u64 {
        let state = self.shared().read();
        let numbers = state.select(selector).into_iter();
        numbers.filter_map(|number| state.stats(number)).map(|stats| stats.stored_bytes).sum()
    }

    /// A page of one stream. Blocks while it reads.
    pub fn get_events(&self, request: &GetEvents) -> Result<EventPage, ReadError> {
        let (start, end) = bounds(request.start_ms, request.end_ms);
        let (low, high, direction) = match request.cursor {
            Some(PageCursor::Forward(key)) => (start.max(key), end, Direction::Forward),
            Some(PageCursor::Backward(key)) => (start, end.min(key), Direction::Backward),
            None if request.from_head => (start, end, Direction::Forward),
            None => (start, end, Direction::Backward),
        };
        let snapshot = Snapshot::take(
            &self.shared().read(),
            &Selector::Streams(vec![request.stream.clone()]),
            low,
            high,
        );
        let pattern = Pattern::everything();
        let scan = Scan {
            low,
            high,
            direction,
            pattern: &pattern,
            limit: request.limit.clamp(1, PAGE_EVENTS_MAX),
            scan_bytes_max: u64::MAX,
            threads: 1,
        };
        let mut found = scan.run(&snapshot)?.found;
        if direction == Direction::Backward {
            found.reverse();
        }
        let (forward, backward) = match (found.first(), found.last(), request.cursor) {
            (Some(first), Some(last), _) => (last.key.next(), first.key),
            (_, _, Some(PageCursor::Forward(key) | PageCursor::Backward(key))) => (key, key),
            (_, _, None) => (start, start),
        };
        let events = found.into_iter().map(|found| event(&snapshot, found)).collect();
        Ok(EventPage { events, forward, backward })
    }

    /// A page of what matches. Blocks while it looks.
    pub fn filter(&self, request: &Filter) -> Result<FilterPage, ReadError> {
        let (mut low, mut high) = bounds(request.start_ms, request.end_ms);
        let direction = if request.from_head { Direction::Forward } else { Direction::Backward };
        match (request.cursor, direction) {
            (Some(key), Direction::Forward) => low = low.max(key),
            (Some(key), Direction::Backward) => high = high.min(key),
            (None, _) => {}
        }
        let snapshot = Snapshot::take(&self.shared().read(), &request.selector, low, high);
        let config = &self.shared().config;
        let scan = Scan {
            low,
            high,
            direction,
            pattern: &request.pattern,
            limit: request.limit.clamp(1, PAGE_EVENTS_MAX),
            scan_bytes_max: config.page_scan_bytes_max,
            threads: config.scan_threads,
        };
        let outcome = scan.run(&snapshot)?;
        let events = outcome.found.into_iter().map(|found| event(&snapshot, found)).collect();
        Ok(FilterPage { events, next: outcome.resume, scanned_bytes: outcome.scanned_bytes })
    }
}

fn bounds(start_ms: Option<i64>, end_ms: Option<i64>) -> (Key, Key) {
    (Key::at(start_ms.unwrap_or(i64::MIN)), Key::at(end_ms.unwrap_or(i64::MAX)))
}

fn event(snapshot: &Snapshot, found: Found) -> Event {
    Event {
        key: found.key,
        stream: snapshot.key_of(found.key.stream),
        timestamp_ms: found.key.timestamp_ms,
        ingestion_ms: found.ingestion,
        message: found.message,
    }
}
