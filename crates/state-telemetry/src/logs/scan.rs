//! Looking through blocks for the next page of matching events.
//!
//! Blocks are taken in the order of their earliest event. After each step every event before the next block's
//! earliest is known, so a page can end there: steps begin small and grow, and inside a step several threads
//! share the blocks.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::block::{Block, BlockRef, HEADER_LEN};
use super::error::ReadError;
use super::read::{Key, Selector};
use super::segment::Segment;
use super::state::State;
use crate::limits::{PAGE_BYTES_MAX, SCAN_STEP_BYTES_FIRST, SCAN_STEP_BYTES_MAX};
use crate::pattern::Pattern;

/// Blocks up to this size are read whole at once; of larger ones the messages first.
const SMALL_BLOCK_BYTES: usize = 32 << 10;
/// Steps below this size aren't worth another thread.
const PARALLEL_BYTES_MIN: u64 = 4 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    Backward,
}

/// The blocks that may hold what is looked for, as they are at one moment. Files stay readable when they are
/// replaced.
pub(super) struct Snapshot {
    files: Vec<Arc<File>>,
    keys: HashMap<u32, Arc<str>>,
    candidates: Vec<Candidate>,
}

#[derive(Clone, Copy)]
struct Candidate {
    file: usize,
    stream: u32,
    floor: i64,
    block: BlockRef,
}

impl Snapshot {
    pub(super) fn take(state: &State, selector: &Selector, low: Key, high: Key) -> Self {
        let numbers = state.select(selector);
        let mut snapshot = Snapshot { files: Vec::new(), keys: HashMap::new(), candidates: Vec::new() };
        for number in &numbers {
            if let Some(stream) = state.streams.get(number) {
                snapshot.keys.insert(*number, Arc::clone(&stream.key));
            }
        }
        let floor = |number: &u32| state.streams.get(number).map_or(i64::MAX, |stream| stream.floor);
        let (from, to) = (low.timestamp_ms, high.timestamp_ms);
        let in_time = |segment: &&Arc<Segment>| segment.time.1 >= from && segment.time.0 <= to;
        for segment in state.segments.iter().filter(in_time) {
            for number in &numbers {
                snapshot.add(&segment.file, *number, floor(number), segment.blocks_of(*number), (from, to));
            }
        }
        for journal in &state.journals {
            for number in &numbers {
                let blocks = journal.blocks.get(number).map_or(&[][..], Vec::as_slice);
                snapshot.add(&journal.file, *number, floor(number), blocks, (from, to));
            }
        }
        snapshot
    }

    fn add(
        &mut self,
        file: &Arc<File>,
        stream: u32,
        floor: i64,
        blocks: &[BlockRef],
        (from, to): (i64, i64),
    ) {
        if blocks.is_empty() {
            return;
        }
        if !self.files.last().is_some_and(|last| Arc::ptr_eq(last, file)) {
            self.files.push(Arc::clone(file));
        }
        let file = self.files.len() - 1;
        let fitting = |block: &&BlockRef| block.time_max >= from.max(floor) && block.time_min <= to;
        let candidate = |block: &BlockRef| Candidate { file, stream, floor, block: *block };
        self.candidates.extend(blocks.iter().filter(fitting).map(candidate));
    }

    pub(super) fn key_of(&self, stream: u32) -> Arc<str> {
        self.keys.get(&stream).cloned().unwrap_or_default()
    }
}

pub(super) struct Scan<'a> {
    /// Inclusive.
    pub low: Key,
    /// Exclusive.
    pub high: Key,
    pub direction: Direction,
    pub pattern: &'a Pattern,
    pub limit: usize,
    pub scan_bytes_max: u64,
    pub threads: usize,
}

#[derive(Debug)]
pub(super) struct Found {
    pub key: Key,
    pub ingestion: i64,
    pub message: Vec<u8>,
}

pub(super) struct Outcome {
    /// In the scan's direction.
    pub found: Vec<Found>,
    /// The new lower bound of a scan forward, the new upper bound of one backward; `None` at the end.
    pub resume: Option<Key>,
    pub scanned_bytes: u64,
}

impl Scan<'_> {
    pub(super) fn run(&self, snapshot: &Snapshot) -> Result<Outcome, ReadError> {
        let mut order: Vec<Candidate> = snapshot.candidates.clone();
        match self.direction {
            Direction::Forward => order.sort_by_key(|candidate| candidate.block.time_min),
            Direction::Backward => order.sort_by_key(|candidate| std::cmp::Reverse(candidate.block.time_max)),
        }
        let mut found: Vec<Found> = Vec::new();
        let (mut next, mut step_bytes) = (0, SCAN_STEP_BYTES_FIRST);
        let (mut scanned_bytes, mut is_cut) = (0, false);
        loop {
            let step = take_step(&order[next..], step_bytes);
            next += step.len();
            scanned_bytes += bytes_of(step);
            found.extend(self.look_through(snapshot, step)?);
            is_cut |= self.sort_and_cut(&mut found);
            let Some(horizon) = order.get(next).map(|candidate| self.horizon(candidate)) else {
                let resume = found.last().filter(|_| is_cut).map(|last| self.behind(last.key));
                return Ok(Outcome { found, resume, scanned_bytes });
            };
            let known = found.partition_point(|event| match self.direction {
                Direction::Forward => event.key < horizon,
                Direction::Backward => event.key >= horizon,
            });
            let is_full = known == found.len() && (is_cut || known >= self.limit);
            if is_full && let Some(last) = found.last() {
                let resume = Some(self.behind(last.key));
                return Ok(Outcome { found, resume, scanned_bytes });
            }
            let has_progress = match self.direction {
                Direction::Forward => horizon > self.low,
                Direction::Backward => horizon < self.high,
            };
            if scanned_bytes >= self.scan_bytes_max && has_progress {
                found.truncate(known);
                return Ok(Outcome { found, resume: Some(horizon), scanned_bytes });
            }
            step_bytes = (step_bytes * 2).min(SCAN_STEP_BYTES_MAX);
        }
    }

    /// Everything on this side of the horizon was looked through when `next` is the next block.
    fn horizon(&self, next: &Candidate) -> Key {
        match self.direction {
            Direction::Forward => Key::at(next.block.time_min),
            Direction::Backward => Key::at(next.block.time_max.saturating_add(1)),
        }
    }

    fn behind(&self, last: Key) -> Key {
        match self.direction {
            Direction::Forward => last.next(),
            Direction::Backward => last,
        }
    }

    /// Keeps what may still be on the page; whether something was cut off.
    fn sort_and_cut(&self, found: &mut Vec<Found>) -> bool {
        match self.direction {
            Direction::Forward => found.sort_unstable_by_key(|event| event.key),
            Direction::Backward => found.sort_unstable_by_key(|event| std::cmp::Reverse(event.key)),
        }
        let mut bytes = 0;
        let fits = |event: &Found| {
            bytes += event.message.len();
            bytes <= PAGE_BYTES_MAX
        };
        let count = found.iter().take(self.limit).map(fits).take_while(|fits| *fits).count().max(1);
        let is_cut = count < found.len();
        found.truncate(count);
        is_cut
    }

    fn look_through(&self, snapshot: &Snapshot, step: &[Candidate]) -> Result<Vec<Found>, ReadError> {
        if self.threads < 2 || bytes_of(step) < PARALLEL_BYTES_MIN {
            let (mut found, mut buffer) = (Vec::new(), Vec::new());
            for candidate in step {
                self.look_at(snapshot, candidate, &mut buffer, &mut found)?;
            }
            return Ok(found);
        }
        let taken = AtomicUsize::new(0);
        let work = || {
            let (mut found, mut buffer) = (Vec::new(), Vec::new());
            while let Some(candidate) = step.get(taken.fetch_add(1, Ordering::Relaxed)) {
                self.look_at(snapshot, candidate, &mut buffer, &mut found)?;
            }
            Ok::<_, ReadError>(found)
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..self.threads).map(|_| scope.spawn(work)).collect();
            let mut found = work()?;
            for other in others {
                found.extend(other.join().map_err(|_| ReadError::Damaged)??);
            }
            Ok(found)
        })
    }

    fn look_at(
        &self,
        snapshot: &Snapshot,
        candidate: &Candidate,
        buffer: &mut Vec<u8>,
        found: &mut Vec<Found>,
    ) -> Result<(), ReadError> {
        let file = &snapshot.files[candidate.file];
        let length = candidate.block.len();
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        if let Some(needle) = self.pattern.needle()
            && length > SMALL_BLOCK_BYTES
        {
            let messages = &mut buffer[..candidate.block.messages_len as usize];
            file.read_exact_at(messages, candidate.block.offset + HEADER_LEN as u64)?;
            if needle.find(messages).is_none() {
                return Ok(());
            }
        }
        let bytes = &mut buffer[..length];
        file.read_exact_at(bytes, candidate.block.offset)?;
        self.look_into(candidate, &Block::parse(bytes)?, found);
        Ok(())
    }

    fn look_into(&self, candidate: &Candidate, block: &Block<'_>, found: &mut Vec<Found>) {
        let first =
            block.lower_bound(self.low.within(candidate.stream)).max(block.lower_bound((candidate.floor, 0)));
        let end = block.lower_bound(self.high.within(candidate.stream));
        if first >= end {
            return;
        }
        let mut add = |index: usize| {
            let message = block.message(index);
            let matches = self.pattern.matches(message);
            if matches {
                let key = Key::new(block.timestamp(index), candidate.stream, block.sequence(index));
                found.push(Found { key, ingestion: block.ingestion(index), message: message.to_vec() });
            }
            matches
        };
        let mut room = self.limit + 1;
        let mut take = |index: usize| {
            room -= usize::from(add(index));
            room > 0
        };
        match (self.pattern.needle(), self.direction) {
            (Some(needle), Direction::Forward) => {
                let mut from = block.start_of(first);
                let stop = block.message_end(end - 1);
                while let Some(at) = block.messages.get(from..stop).and_then(|rest| needle.find(rest)) {
                    let index = block.event_at(from + at);
                    from = block.message_end(index);
                    if !take(index) {
                        break;
                    }
                }
            }
            (_, Direction::Forward) => {
                let _ = (first..end).all(take);
            }
            (_, Direction::Backward) => {
                let _ = (first..end).rev().all(take);
            }
        }
    }
}

fn bytes_of(step: &[Candidate]) -> u64 {
    step.iter().map(|candidate| u64::from(candidate.block.messages_len)).sum()
}

/// At least one block, if there is one, and about `bytes` of messages.
fn take_step(rest: &[Candidate], bytes: u64) -> &[Candidate] {
    let mut sum = 0;
    let enough = rest.iter().position(|candidate| {
        sum += u64::from(candidate.block.messages_len);
        sum >= bytes
    });
    &rest[..enough.map_or(rest.len(), |last| last + 1)]
}
