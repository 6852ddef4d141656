//! Sealing full journals, and giving back the room of what is expired or deleted.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use tracing::{debug, error, warn};

use super::error::{AppendError, ReadError};
use super::manifest::Manifest;
use super::merge::{self, Run};
use super::read::Selector;
use super::segment::{self, Segment, SegmentWriter};
use super::state::State;
use super::store::{LogStore, Shared};
use super::writer::Control;
use super::{block, journal};
use crate::limits::{SEGMENT_LIVE_PERCENT_MIN, SEGMENT_SMALL_BYTES, SEGMENT_SMALL_COUNT};

/// What a collection gave back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Garbage {
    pub segments_removed: usize,
    pub segments_rewritten: usize,
    pub bytes_freed: u64,
}

impl LogStore {
    /// Makes the events of `stream` before `before_ms` go away. They can't be read from now on, nor can
    /// events of that time that come later.
    pub async fn expire(&self, stream: &str, before_ms: i64) -> Result<(), AppendError> {
        let number = self.shared().read().numbers.get(stream).copied();
        self.control(number.map(|number| Control::Expire { number, before: before_ms }).into_iter().collect())
            .await
    }

    /// Expires events of every selected stream that has older ones.
    pub async fn expire_all(&self, selector: &Selector, before_ms: i64) -> Result<(), AppendError> {
        let controls = {
            let state = self.shared().read();
            let is_older = |number: &u32| {
                let first = state.streams.get(number).and_then(|stream| stream.stats.first_event_ms);
                first.is_some_and(|first| first < before_ms)
            };
            let numbers = state.select(selector).into_iter().filter(is_older);
            numbers.map(|number| Control::Expire { number, before: before_ms }).collect()
        };
        self.control(controls).await
    }

    /// Deletes the selected streams with all their events. A later append under the same key begins anew.
    pub async fn delete_streams(&self, selector: &Selector) -> Result<(), AppendError> {
        let numbers = self.shared().read().select(selector);
        self.control(numbers.into_iter().map(|number| Control::DeleteStream { number }).collect()).await
    }

    /// Drops every stream and every source: an empty store again. The room comes back with the next collection.
    pub async fn clear(&self) -> Result<(), AppendError> {
        let controls = {
            let state = self.shared().read();
            let streams = state.streams.keys().map(|number| Control::DeleteStream { number: *number });
            let sources = state.source_keys.keys().map(|number| Control::ForgetSource { number: *number });
            streams.chain(sources).collect()
        };
        self.control(controls).await
    }

    /// Removes segments without a live event, rewrites those that are mostly dead, and merges small
    /// neighbours. Blocks for as long as that takes; reads and appends go on meanwhile.
    pub fn collect_garbage(&self) -> Result<Garbage, ReadError> {
        let shared = self.shared();
        let _one_at_a_time = shared.maintenance.lock().unwrap_or_else(PoisonError::into_inner);
        let mut garbage = Garbage::default();
        let (dead, groups, journal_is_stale) = {
            let state = shared.read();
            let (dead, groups) = choose(&state);
            (dead, groups, journal_is_stale(&state))
        };
        if !dead.is_empty() {
            garbage.segments_removed += dead.len();
            garbage.bytes_freed += dead.iter().map(|segment| segment.bytes).sum::<u64>();
            let numbers: Vec<u64> = dead.iter().map(|segment| segment.number).collect();
            publish(shared, &numbers, None, None)?;
        }
        for group in groups {
            let before: u64 = group.iter().map(|segment| segment.bytes).sum();
            let merged = rewrite(shared, &group)?;
            let after = merged.as_ref().map_or(0, |segment| segment.bytes);
            let numbers: Vec<u64> = group.iter().map(|segment| segment.number).collect();
            publish(shared, &numbers, merged, None)?;
            garbage.segments_rewritten += group.len();
            garbage.bytes_freed += before.saturating_sub(after);
        }
        if journal_is_stale {
            self.ask_to_roll();
        }
        Ok(garbage)
    }
}

/// Starts the thread that seals journals whenever it is woken.
pub(super) fn start_sealer(shared: Arc<Shared>) -> io::Result<(SyncSender<()>, JoinHandle<()>)> {
    let (wake, woken): (_, Receiver<()>) = sync_channel(1);
    let thread = std::thread::Builder::new().name("logs-sealer".into()).spawn(move || {
        for () in woken {
            loop {
                match seal_oldest(&shared) {
                    Ok(true) => {}
                    Ok(false) => break,
                    // The journal stays and is read as before; the next full one tries again.
                    Err(failure) => {
                        error!(%failure, "can't seal a journal of logs");
                        break;
                    }
                }
            }
        }
    })?;
    Ok((wake, thread))
}

/// Seals the oldest journal that isn't written to any more; `false` when there is none.
fn seal_oldest(shared: &Shared) -> Result<bool, ReadError> {
    let (number, runs, floors) = {
        let state = shared.read();
        let [oldest, _newer, ..] = state.journals.as_slice() else { return Ok(false) };
        let live = oldest.blocks.iter().filter(|(stream, _)| state.streams.contains_key(stream));
        let runs: HashMap<u32, Vec<Run>> =
            live.map(|(stream, blocks)| (*stream, merge::runs_of(&oldest.file, blocks))).collect();
        (oldest.number, runs, floors(&state))
    };
    let segment = write_segment(shared, number, runs, &floors)?;
    debug!(number, bytes = segment.as_ref().map_or(0, |segment| segment.bytes), "sealed a journal of logs");
    publish(shared, &[], segment, Some(number))?;
    Ok(true)
}

fn floors(state: &State) -> HashMap<u32, i64> {
    state.streams.iter().map(|(number, stream)| (*number, stream.floor)).collect()
}

/// Writes what is alive in `group` into one new segment; `None` when nothing is.
fn rewrite(shared: &Shared, group: &[Arc<Segment>]) -> Result<Option<Segment>, ReadError> {
    let floors = floors(&shared.read());
    let numbers: HashSet<u32> = group.iter().flat_map(|segment| segment.streams()).collect();
    let live = numbers.into_iter().filter(|number| floors.contains_key(number));
    let runs = live
        .map(|number| {
            let run = |segment: &Arc<Segment>| {
                Run::new(Arc::clone(&segment.file), segment.blocks_of(number).to_vec())
            };
            (number, group.iter().map(run).collect())
        })
        .collect();
    write_segment(shared, shared.next_file(), runs, &floors)
}

fn write_segment(
    shared: &Shared,
    number: u64,
    runs: HashMap<u32, Vec<Run>>,
    floors: &HashMap<u32, i64>,
) -> Result<Option<Segment>, ReadError> {
    let written = write_runs(SegmentWriter::create(&shared.dir, number)?, runs, floors);
    if !matches!(written, Ok(true)) {
        // Half a segment on a full disk would only make things worse.
        std::fs::remove_file(segment::path(&shared.dir, number))?;
        return written.map(|_| None);
    }
    // The directory entry becomes durable with the manifest that names it, which flushes the directory.
    Segment::open(&shared.dir, number).map(Some).map_err(|failure| {
        warn!(%failure, "a segment just written can't be opened");
        ReadError::Damaged
    })
}

/// `false` when nothing was left to write.
fn write_runs(
    mut output: SegmentWriter,
    runs: HashMap<u32, Vec<Run>>,
    floors: &HashMap<u32, i64>,
) -> Result<bool, ReadError> {
    let mut streams: Vec<(u32, Vec<Run>)> = runs.into_iter().collect();
    streams.sort_unstable_by_key(|(stream, _)| *stream);
    for (stream, runs) in streams {
        let floor = floors.get(&stream).copied().unwrap_or(i64::MIN);
        merge::merge(stream, floor, runs, &mut output)?;
    }
    if output.is_empty() {
        return Ok(false);
    }
    output.finish()?;
    Ok(true)
}

/// Makes a new set of files count: first on disk, then in memory; then the old files go.
fn publish(
    shared: &Shared,
    removed: &[u64],
    added: Option<Segment>,
    sealed_journal: Option<u64>,
) -> Result<(), ReadError> {
    let _manifest = shared.manifest.lock().unwrap_or_else(PoisonError::into_inner);
    let added = added.map(Arc::new);
    let (manifest, segments) = {
        let state = shared.read();
        let at = state.segments.iter().position(|segment| removed.contains(&segment.number));
        let mut segments = state.segments.clone();
        if let Some(added) = &added {
            segments.insert(at.unwrap_or(segments.len()), Arc::clone(added));
        }
        segments.retain(|segment| !removed.contains(&segment.number));
        let mut journals = state.journals.iter().filter(|journal| Some(journal.number) != sealed_journal);
        let journal_first = journals.next().map_or(0, |journal| journal.number);
        let numbers = segments.iter().map(|segment| segment.number).collect();
        (Manifest::new(&state, journal_first, numbers), segments)
    };
    manifest.write(&shared.dir)?;
    {
        let mut state = shared.write();
        let gone = state.segments.iter().filter(|segment| removed.contains(&segment.number));
        let mut numbers: HashSet<u32> = gone.flat_map(|segment| segment.streams()).collect();
        let sealed = state.journals.iter().filter(|journal| Some(journal.number) == sealed_journal);
        numbers.extend(sealed.flat_map(|journal| journal.blocks.keys()));
        state.segments = segments;
        state.journals.retain(|journal| Some(journal.number) != sealed_journal);
        // A block that lies partly before the floor was counted whole until now.
        state.recount_rewritten(numbers);
    }
    if let Some(number) = sealed_journal {
        std::fs::remove_file(journal::path(&shared.dir, number))?;
    }
    for number in removed {
        std::fs::remove_file(segment::path(&shared.dir, *number))?;
    }
    Ok(())
}

/// Segments to remove, and groups of segments to rewrite into one each.
fn choose(state: &State) -> (Vec<Arc<Segment>>, Vec<Vec<Arc<Segment>>>) {
    let (mut dead, mut groups) = (Vec::new(), Vec::new());
    let mut small: Vec<Arc<Segment>> = Vec::new();
    for segment in &state.segments {
        let live: u64 =
            segment.streams().map(|number| live_bytes(state, number, segment.blocks_of(number))).sum();
        if live == 0 {
            dead.push(Arc::clone(segment));
            continue;
        }
        if live * 100 < segment.bytes * SEGMENT_LIVE_PERCENT_MIN {
            groups.push(vec![Arc::clone(segment)]);
        } else if segment.bytes < SEGMENT_SMALL_BYTES {
            small.push(Arc::clone(segment));
            continue;
        }
        take_small(&mut small, &mut groups);
    }
    take_small(&mut small, &mut groups);
    (dead, groups)
}

fn take_small(small: &mut Vec<Arc<Segment>>, groups: &mut Vec<Vec<Arc<Segment>>>) {
    if small.len() >= SEGMENT_SMALL_COUNT {
        groups.push(std::mem::take(small));
    }
    small.clear();
}

fn live_bytes(state: &State, number: u32, blocks: &[block::BlockRef]) -> u64 {
    let Some(stream) = state.streams.get(&number) else { return 0 };
    let live = blocks.iter().filter(|block| block.time_max >= stream.floor);
    live.map(|block| block.len() as u64).sum()
}

fn journal_is_stale(state: &State) -> bool {
    let Some(journal) = state.journals.last() else { return false };
    let (mut all, mut live) = (0, 0);
    for (number, blocks) in &journal.blocks {
        all += blocks.iter().map(|block| block.len() as u64).sum::<u64>();
        live += live_bytes(state, *number, blocks);
    }
    live * 100 < all * SEGMENT_LIVE_PERCENT_MIN
}
