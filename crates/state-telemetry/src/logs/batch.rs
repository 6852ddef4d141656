//! Events on their way in, already in the form in which they are stored: the only copy made of a message.

use super::block::{FLAG_INGESTION, FLAG_SEQUENCE, Header, Kind};
use crate::limits::{BATCH_BLOCK_BYTES_MAX, EVENT_BYTES_MAX};

/// Events of one stream, in any order.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    messages: Vec<u8>,
    rows: Vec<(i64, u32)>,
    is_unsorted: bool,
}

impl Batch {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn with_capacity(events: usize, bytes: usize) -> Self {
        Self { messages: Vec::with_capacity(bytes), rows: Vec::with_capacity(events), is_unsorted: false }
    }

    /// Adds an event. `false` when the event or the batch is too large for it: append the batch and begin
    /// another.
    #[must_use]
    pub fn push(&mut self, timestamp_ms: i64, message: &[u8]) -> bool {
        let end = self.messages.len() + message.len();
        let Ok(end_32) = u32::try_from(end) else { return false };
        if message.len() > EVENT_BYTES_MAX {
            return false;
        }
        self.is_unsorted |= self.rows.last().is_some_and(|(last, _)| *last > timestamp_ms);
        self.messages.extend_from_slice(message);
        self.rows.push((timestamp_ms, end_32));
        true
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// All messages, end to end.
    pub fn messages(&self) -> &[u8] {
        &self.messages
    }

    /// Timestamp and message of each event, in the order in which they were pushed.
    pub fn events(&self) -> impl Iterator<Item = (i64, &[u8])> {
        let starts = std::iter::once(0).chain(self.rows.iter().map(|(_, end)| *end as usize));
        starts.zip(&self.rows).map(|(start, (at, end))| (*at, &self.messages[start..*end as usize]))
    }

    /// Of all messages.
    pub fn bytes(&self) -> usize {
        self.messages.len()
    }

    /// Puts the events in time order and cuts them into blocks.
    pub(super) fn encode(mut self) -> Vec<Encoded> {
        self.sort();
        let is_one_block = self.messages.len() <= BATCH_BLOCK_BYTES_MAX
            && self
                .rows
                .first()
                .zip(self.rows.last())
                .is_none_or(|(first, last)| fits_32_bits(first.0, last.0));
        let mut encoded = Vec::new();
        if is_one_block {
            if let Some(block) = encode_one(self.messages, &self.rows, 0) {
                encoded.push(block);
            }
            return encoded;
        }
        let (mut first, mut start) = (0, 0);
        for index in 0..self.rows.len() {
            let (timestamp, end) = self.rows[index];
            let too_long = end as usize - start > BATCH_BLOCK_BYTES_MAX;
            if index > first && (too_long || !fits_32_bits(self.rows[first].0, timestamp)) {
                let stop = self.rows[index - 1].1 as usize;
                encoded.extend(encode_one(
                    self.messages[start..stop].to_vec(),
                    &self.rows[first..index],
                    start,
                ));
                (first, start) = (index, stop);
            }
        }
        encoded.extend(encode_one(self.messages[start..].to_vec(), &self.rows[first..], start));
        encoded
    }

    fn sort(&mut self) {
        if !self.is_unsorted {
            return;
        }
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by_key(|index| self.rows[*index].0);
        let mut sorted = Batch::with_capacity(self.rows.len(), self.messages.len());
        for index in order {
            let start = if index == 0 { 0 } else { self.rows[index - 1].1 as usize };
            let (timestamp, end) = self.rows[index];
            let fits = sorted.push(timestamp, &self.messages[start..end as usize]);
            debug_assert!(fits, "what fitted before fits again");
        }
        *self = sorted;
    }
}

fn fits_32_bits(low: i64, high: i64) -> bool {
    high.checked_sub(low).is_some_and(|span| u32::try_from(span).is_ok())
}

fn encode_one(messages: Vec<u8>, rows: &[(i64, u32)], base: usize) -> Option<Encoded> {
    let (time_min, time_max) = (rows.first()?.0, rows.last()?.0);
    let mut columns = Vec::with_capacity(rows.len() * 8);
    for (_, end) in rows {
        columns.extend_from_slice(&(end - u32::try_from(base).unwrap_or(0)).to_le_bytes());
    }
    for (timestamp, _) in rows {
        columns.extend_from_slice(&u32::try_from(timestamp - time_min).unwrap_or(u32::MAX).to_le_bytes());
    }
    Some(Encoded::new(messages, columns, rows.len(), 0, (time_min, time_max)))
}

/// A block of events whose stream, ingestion time and sequence are still to be filled in.
#[derive(Debug)]
pub(super) struct Encoded {
    pub header: Header,
    pub messages: Vec<u8>,
    pub columns: Vec<u8>,
}

impl Encoded {
    fn new(messages: Vec<u8>, columns: Vec<u8>, count: usize, flags: u8, time: (i64, i64)) -> Self {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&messages);
        crc.update(&columns);
        let length = |bytes: usize| u32::try_from(bytes).expect("blocks are far smaller than 4 GiB");
        let header = Header {
            kind: Kind::Events,
            flags,
            number: 0,
            body_len: length(messages.len() + columns.len()),
            body_crc: crc.finalize(),
            count: length(count),
            messages_len: length(messages.len()),
            time_min: time.0,
            time_max: time.1,
            ingestion: 0,
            sequence: 0,
        };
        Self { header, messages, columns }
    }
}

/// Builds a block out of events that come in order, from several blocks.
#[derive(Debug, Default)]
pub(super) struct BlockBuilder {
    messages: Vec<u8>,
    rows: Vec<Row>,
    ingestion: (i64, i64),
    sequence: (u64, u64),
}

#[derive(Clone, Copy, Debug)]
struct Row {
    end: u32,
    timestamp: i64,
    ingestion: i64,
    sequence: u64,
}

impl BlockBuilder {
    pub(super) fn bytes(&self) -> usize {
        self.messages.len()
    }

    /// Whether one more event can be told by the block's 32-bit columns.
    pub(super) fn accepts(&self, timestamp: i64, ingestion: i64, sequence: u64) -> bool {
        self.rows.first().is_none_or(|first| {
            fits_32_bits(first.timestamp, timestamp)
                && fits_32_bits(self.ingestion.0.min(ingestion), self.ingestion.1.max(ingestion))
                && u32::try_from(self.sequence.1.max(sequence) - self.sequence.0.min(sequence)).is_ok()
        })
    }

    pub(super) fn push(&mut self, timestamp: i64, ingestion: i64, sequence: u64, message: &[u8]) {
        if self.rows.is_empty() {
            self.ingestion = (ingestion, ingestion);
            self.sequence = (sequence, sequence);
        }
        self.ingestion = (self.ingestion.0.min(ingestion), self.ingestion.1.max(ingestion));
        self.sequence = (self.sequence.0.min(sequence), self.sequence.1.max(sequence));
        self.messages.extend_from_slice(message);
        let end = u32::try_from(self.messages.len()).expect("a block is flushed long before 4 GiB");
        self.rows.push(Row { end, timestamp, ingestion, sequence });
    }

    /// The finished block; `None` when nothing was pushed.
    pub(super) fn finish(&mut self, number: u32) -> Option<Encoded> {
        let (first, last) = (*self.rows.first()?, *self.rows.last()?);
        let has_ingestion = self.ingestion.0 != self.ingestion.1;
        let counts_up =
            self.rows.iter().enumerate().all(|(index, row)| row.sequence == self.sequence.0 + index as u64);
        let mut columns = Vec::with_capacity(self.rows.len() * 16);
        let mut column = |value: &dyn Fn(&Row) -> u32| {
            for row in &self.rows {
                columns.extend_from_slice(&value(row).to_le_bytes());
            }
        };
        let narrow = |wide: i64| u32::try_from(wide).unwrap_or(u32::MAX);
        column(&|row| row.end);
        column(&|row| narrow(row.timestamp - first.timestamp));
        let mut flags = 0;
        if has_ingestion {
            flags |= FLAG_INGESTION;
            column(&|row| narrow(row.ingestion - self.ingestion.0));
        }
        if !counts_up {
            flags |= FLAG_SEQUENCE;
            column(&|row| u32::try_from(row.sequence - self.sequence.0).unwrap_or(u32::MAX));
        }
        let messages = std::mem::take(&mut self.messages);
        let time = (first.timestamp, last.timestamp);
        let mut encoded = Encoded::new(messages, columns, self.rows.len(), flags, time);
        encoded.header.number = number;
        encoded.header.ingestion = self.ingestion.0;
        encoded.header.sequence = self.sequence.0;
        self.rows.clear();
        Some(encoded)
    }
}
