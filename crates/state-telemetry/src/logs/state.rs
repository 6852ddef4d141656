//! What the store knows in memory: streams, sources, and where each stream's blocks lie.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::ops::Bound;
use std::sync::Arc;

use super::block::{BlockRef, Header, Kind};
use super::read::Selector;
use super::segment::Segment;
use super::store::SourcePosition;

/// What is known of a stream without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamStats {
    pub first_event_ms: Option<i64>,
    pub last_event_ms: Option<i64>,
    pub last_ingestion_ms: Option<i64>,
    /// Message bytes, and 26 bytes per event as CloudWatch Logs counts them.
    pub stored_bytes: u64,
    pub event_count: u64,
}

/// What CloudWatch Logs counts for an event beside its message.
const EVENT_OVERHEAD_BYTES: u64 = 26;

#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub key: Arc<str>,
    /// Events before this time are gone.
    pub floor: i64,
    pub sequence_next: u64,
    pub last_ingestion: Option<i64>,
    pub stats: StreamStats,
}

#[derive(Clone, Debug)]
pub(super) struct Source {
    pub number: u32,
    pub position: Option<SourcePosition>,
}

/// A journal file with its index.
#[derive(Debug)]
pub(super) struct JournalView {
    pub number: u64,
    pub file: Arc<File>,
    pub blocks: HashMap<u32, Vec<BlockRef>>,
    pub block_count: usize,
}

impl JournalView {
    pub(super) fn new(number: u64, file: Arc<File>) -> Self {
        Self { number, file, blocks: HashMap::new(), block_count: 0 }
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub numbers: BTreeMap<Arc<str>, u32>,
    pub streams: HashMap<u32, Stream>,
    pub sources: HashMap<Arc<str>, Source>,
    pub source_keys: HashMap<u32, Arc<str>>,
    pub stream_next: u32,
    pub source_next: u32,
    /// Oldest first; the last one is written to.
    pub journals: Vec<JournalView>,
    /// Oldest first.
    pub segments: Vec<Arc<Segment>>,
}

impl State {
    pub(super) fn define_stream(&mut self, number: u32, key: &str) {
        let key: Arc<str> = key.into();
        self.stream_next = self.stream_next.max(number + 1);
        self.numbers.insert(Arc::clone(&key), number);
        self.streams.entry(number).or_insert_with(|| Stream {
            key,
            floor: i64::MIN,
            sequence_next: 1,
            last_ingestion: None,
            stats: StreamStats::default(),
        });
    }

    pub(super) fn define_source(&mut self, number: u32, key: &str) {
        let key: Arc<str> = key.into();
        self.source_next = self.source_next.max(number + 1);
        self.source_keys.insert(number, Arc::clone(&key));
        self.sources.entry(key).or_insert(Source { number, position: None });
    }

    /// Applies one block of the newest journal: while writing, and again while replaying. What it speaks of
    /// may be gone already, because the manifest can be younger than the journal's beginning.
    pub(super) fn apply(&mut self, header: &Header, offset: u64, body: &[u8]) {
        match header.kind {
            Kind::DefineStream => self.define_stream(header.number, &String::from_utf8_lossy(body)),
            Kind::DefineSource => self.define_source(header.number, &String::from_utf8_lossy(body)),
            Kind::Events => self.apply_events(header, offset),
            Kind::Position => {
                let position = SourcePosition {
                    segment: header.time_min.cast_unsigned(),
                    offset: header.time_max.cast_unsigned(),
                };
                if let Some(key) = self.source_keys.get(&header.number)
                    && let Some(source) = self.sources.get_mut(key)
                {
                    source.position = source.position.max(Some(position));
                }
            }
            Kind::Expire => {
                if let Some(stream) = self.streams.get_mut(&header.number) {
                    stream.floor = stream.floor.max(header.time_min);
                }
            }
            Kind::DeleteStream => {
                if let Some(stream) = self.streams.remove(&header.number)
                    && self.numbers.get(&stream.key) == Some(&header.number)
                {
                    self.numbers.remove(&stream.key);
                }
            }
            Kind::ForgetSource => {
                if let Some(key) = self.source_keys.remove(&header.number) {
                    self.sources.remove(&key);
                }
            }
        }
    }

    fn apply_events(&mut self, header: &Header, offset: u64) {
        let Some(stream) = self.streams.get_mut(&header.number) else { return };
        let block = BlockRef::new(offset, header);
        stream.sequence_next = stream.sequence_next.max(header.sequence + u64::from(header.count));
        stream.last_ingestion = stream.last_ingestion.max(Some(header.ingestion));
        count(&mut stream.stats, &block, stream.floor);
        if let Some(journal) = self.journals.last_mut() {
            journal.blocks.entry(header.number).or_default().push(block);
            journal.block_count += 1;
        }
    }

    /// Counts the stored events of `number` again, after some of them went away.
    pub(super) fn recount(&mut self, number: u32) {
        let Some(stream) = self.streams.get(&number) else { return };
        let (floor, mut stats) = (stream.floor, StreamStats::default());
        for block in self.blocks_of(number) {
            count(&mut stats, block, floor);
        }
        if let Some(stream) = self.streams.get_mut(&number) {
            stream.stats = stats;
        }
    }

    pub(super) fn recount_all(&mut self) {
        let numbers: Vec<u32> = self.streams.keys().copied().collect();
        numbers.into_iter().for_each(|number| self.recount(number));
    }

    /// Counts again after files with blocks of `numbers` were replaced.
    pub(super) fn recount_rewritten(&mut self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            // Without a floor a rewrite loses nothing.
            if self.streams.get(&number).is_some_and(|stream| stream.floor > i64::MIN) {
                self.recount(number);
            }
        }
    }

    fn blocks_of(&self, number: u32) -> impl Iterator<Item = &BlockRef> {
        let sealed = self.segments.iter().flat_map(move |segment| segment.blocks_of(number));
        let fresh =
            self.journals.iter().flat_map(move |journal| journal.blocks.get(&number).into_iter().flatten());
        sealed.chain(fresh)
    }

    pub(super) fn stats(&self, number: u32) -> Option<StreamStats> {
        let stream = self.streams.get(&number)?;
        Some(StreamStats { last_ingestion_ms: stream.last_ingestion, ..stream.stats })
    }

    /// The numbers of the selected streams, ascending.
    pub(super) fn select(&self, selector: &Selector) -> Vec<u32> {
        let mut numbers: Vec<u32> = match selector {
            Selector::Streams(keys) => {
                keys.iter().filter_map(|key| self.numbers.get(key.as_str()).copied()).collect()
            }
            Selector::Prefix(prefix) => self
                .numbers
                .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
                .take_while(|(key, _)| key.starts_with(prefix.as_str()))
                .map(|(_, number)| *number)
                .collect(),
            Selector::Any(selectors) => selectors.iter().flat_map(|selector| self.select(selector)).collect(),
        };
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

/// A block that lies partly before the floor counts whole until it is rewritten.
fn count(stats: &mut StreamStats, block: &BlockRef, floor: i64) {
    if block.time_max < floor {
        return;
    }
    let first = block.time_min.max(floor);
    stats.first_event_ms = Some(stats.first_event_ms.map_or(first, |known| known.min(first)));
    stats.last_event_ms = stats.last_event_ms.max(Some(block.time_max));
    stats.stored_bytes += u64::from(block.messages_len) + EVENT_OVERHEAD_BYTES * u64::from(block.count);
    stats.event_count += u64::from(block.count);
}
