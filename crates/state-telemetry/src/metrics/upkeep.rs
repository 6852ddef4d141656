//! What happens in the background: journals become segments, old windows move to coarser tiers, many segments become one.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use tracing::warn;

use super::dictionary;
use super::error::ReadError;
use super::journal;
use super::manifest::Manifest;
use super::segment::{self, Builder, Segment};
use super::state::{Head, State};
use super::store::Shared;
use super::summary::{self, Bucket};
use super::tier::{KEEP_SECS_MAX, TIERS};
use crate::limits;

/// Starts the thread. It ends when the sender is dropped.
pub(super) fn start(shared: Arc<Shared>) -> io::Result<(SyncSender<()>, JoinHandle<()>)> {
    let (sender, signals) = sync_channel(1);
    let thread =
        std::thread::Builder::new().name("metrics-sealer".into()).spawn(move || run(&shared, &signals))?;
    Ok((sender, thread))
}

fn run(shared: &Shared, signals: &Receiver<()>) {
    loop {
        if let Err(RecvTimeoutError::Disconnected) = signals.recv_timeout(limits::METRIC_UPKEEP_PERIOD) {
            return;
        }
        if let Err(failure) = shared.upkeep() {
            let cause: &(dyn std::error::Error + 'static) = &failure;
            warn!(error = cause, "the upkeep of metrics failed");
        }
    }
}

/// Files that replace others, all at once.
#[derive(Default)]
struct Change {
    generation: u64,
    added: Vec<Segment>,
    removed: Vec<u64>,
    /// The journal that is in segments now, and the dictionary that knows its series.
    sealed: Option<(u64, u64)>,
}

impl Shared {
    /// Seals what is full, then moves and merges what is due. Blocks.
    pub(super) fn upkeep(&self) -> Result<(), ReadError> {
        let _one_at_a_time = self.maintenance.lock().unwrap_or_else(PoisonError::into_inner);
        self.seal_frozen()?;
        let now_secs = self.clock.now().as_secs();
        let (generation, segments) = {
            let state = self.read();
            (state.generation, state.segments.clone())
        };
        let mut windows: BTreeMap<(usize, i64), Vec<Arc<Segment>>> = BTreeMap::new();
        for segment in segments {
            windows.entry((segment.tier, segment.window)).or_default().push(segment);
        }
        // From fine to coarse; what moves now is merged with what is there the next time.
        for ((tier, window), segments) in windows {
            if TIERS[tier].is_over(window, now_secs) {
                self.replace(generation, &segments, tier + 1)?;
                continue;
            }
            let segments = to_merge(segments, window + TIERS[tier].window_secs < now_secs);
            if !segments.is_empty() {
                self.replace(generation, &segments, tier)?;
            }
        }
        Ok(())
    }

    /// Seals what waits for it and nothing more: when it comes faster than the background works.
    pub(super) fn seal_now(&self) -> Result<(), ReadError> {
        let _one_at_a_time = self.maintenance.lock().unwrap_or_else(PoisonError::into_inner);
        self.seal_frozen()
    }

    fn seal_frozen(&self) -> Result<(), ReadError> {
        loop {
            let (generation, head) = {
                let state = self.read();
                (state.generation, state.frozen.first().cloned())
            };
            let Some(head) = head else { return Ok(()) };
            self.seal(generation, &head)?;
        }
    }

    fn seal(&self, generation: u64, head: &Head) -> Result<(), ReadError> {
        let mut change = Change { generation, ..Change::default() };
        let mut write = || -> Result<(), ReadError> {
            for ((tier, window), parts) in by_window(head) {
                let mut builder = self.builder(tier, window)?;
                for (number, range) in parts {
                    builder
                        .add(number, &head.series[number as usize][tier][range])
                        .map_err(ReadError::at(&self.dir))?;
                }
                change.added.push(builder.finish(&self.dir)?);
            }
            self.write().forget_before(self.clock.now().as_secs() - KEEP_SECS_MAX);
            let names = {
                let state = self.read();
                dictionary::encode(&state.series, state.series_count)
            };
            let number = self.next_file();
            dictionary::write(&self.dir, number, &names)
                .map_err(ReadError::at(&dictionary::path(&self.dir, number)))?;
            change.sealed = Some((head.journal, number));
            Ok(())
        };
        let written = write();
        self.finish(change, written)
    }

    /// Writes the buckets of `segments` into one of `tier`, or deletes them when there is no such tier.
    fn replace(&self, generation: u64, segments: &[Arc<Segment>], tier: usize) -> Result<(), ReadError> {
        let removed = segments.iter().map(|segment| segment.number).collect();
        let mut change = Change { generation, removed, ..Change::default() };
        let written = match (TIERS.get(tier), segments.first()) {
            (Some(coarser), Some(first)) => {
                let window = coarser.window_of(first.window);
                self.rewrite(segments, tier, window).map(|merged| change.added.push(merged))
            }
            _ => Ok(()),
        };
        self.finish(change, written)
    }

    fn rewrite(&self, segments: &[Arc<Segment>], tier: usize, window: i64) -> Result<Segment, ReadError> {
        let mut builder = self.builder(tier, window)?;
        let number_out = builder.number();
        let mut merge = || -> Result<(), ReadError> {
            let mut inputs: Vec<_> = segments.iter().map(|segment| segment.all().peekable()).collect();
            loop {
                let mut number = u32::MAX;
                for input in &mut inputs {
                    match input.peek() {
                        Some(Ok((next, _))) => number = number.min(*next),
                        Some(Err(_)) => return input.next().map_or(Ok(()), |failed| failed.map(drop)),
                        None => {}
                    }
                }
                let own = |item: &Result<(u32, Vec<Bucket>), ReadError>| matches!(item, Ok((next, _)) if *next == number);
                let parts: Vec<_> = inputs.iter_mut().filter_map(|input| input.next_if(own)?.ok()).collect();
                if parts.is_empty() {
                    return Ok(());
                }
                // Forgotten series end here.
                let is_known = self.read().series.get(number as usize).is_some_and(Option::is_some);
                if is_known {
                    let buckets = join(parts.into_iter().flat_map(|(_, buckets)| buckets), tier);
                    builder.add(number, &buckets).map_err(ReadError::at(&self.dir))?;
                }
            }
        };
        let merged = merge();
        merged
            .and_then(|()| builder.finish(&self.dir))
            .inspect_err(|_| self.remove(&segment::path(&self.dir, number_out)))
    }

    fn builder(&self, tier: usize, window: i64) -> Result<Builder, ReadError> {
        Builder::create(&self.dir, self.next_file(), tier, window).map_err(ReadError::at(&self.dir))
    }

    /// Makes a change true, or takes back what was written for it.
    fn finish(&self, change: Change, written: Result<(), ReadError>) -> Result<(), ReadError> {
        let added: Vec<u64> = change.added.iter().map(|segment| segment.number).collect();
        let names = change.sealed.map(|(_, names)| names);
        let done = written.and_then(|()| self.change(change));
        if !matches!(done, Ok(true)) {
            added.iter().for_each(|number| self.remove(&segment::path(&self.dir, *number)));
            names.iter().for_each(|number| self.remove(&dictionary::path(&self.dir, *number)));
        }
        done.map(drop)
    }

    /// `false` when everything was dropped meanwhile.
    fn change(&self, change: Change) -> Result<bool, ReadError> {
        let mut manifest = self.manifest.lock().unwrap_or_else(PoisonError::into_inner);
        if self.read().generation != change.generation {
            return Ok(false);
        }
        let mut next = manifest.clone();
        next.segments.retain(|number| !change.removed.contains(number));
        next.segments.extend(change.added.iter().map(|segment| segment.number));
        if let Some((journal, names)) = change.sealed {
            (next.journal_first, next.series) = (journal + 1, Some(names));
        }
        next.write(&self.dir).map_err(ReadError::at(&self.dir))?;
        let before = std::mem::replace(&mut *manifest, next);
        let mut state = self.write();
        state.segments.retain(|segment| !change.removed.contains(&segment.number));
        state.segments.extend(change.added.into_iter().map(Arc::new));
        if change.sealed.is_some() {
            state.frozen.remove(0);
        }
        drop(state);
        change.removed.iter().for_each(|number| self.remove(&segment::path(&self.dir, *number)));
        if let Some((journal, _)) = change.sealed {
            self.remove(&journal::path(&self.dir, journal));
            before.series.iter().for_each(|number| self.remove(&dictionary::path(&self.dir, *number)));
        }
        Ok(true)
    }

    /// Drops everything, and goes on with an empty head.
    pub(super) fn clear(&self, head: Head) -> io::Result<()> {
        let mut manifest = self.manifest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Manifest::default();
        next.journal_first = head.journal;
        next.write(&self.dir)?;
        let before = std::mem::replace(&mut *manifest, next);
        let mut state = self.write();
        let generation = state.generation + 1;
        let fresh = State { generation, head: Some(head), ..State::default() };
        let old = std::mem::replace(&mut *state, fresh);
        drop(state);
        let heads =
            old.frozen.iter().map(|head| head.journal).chain(old.head.iter().map(|head| head.journal));
        heads.for_each(|number| self.remove(&journal::path(&self.dir, number)));
        before.segments.iter().for_each(|number| self.remove(&segment::path(&self.dir, *number)));
        before.series.iter().for_each(|number| self.remove(&dictionary::path(&self.dir, *number)));
        Ok(())
    }

    /// What stays behind goes away at the next start.
    fn remove(&self, path: &std::path::Path) {
        if let Err(failure) = std::fs::remove_file(path)
            && failure.kind() != io::ErrorKind::NotFound
        {
            warn!(%failure, path = %path.display(), "can't delete a file of metrics");
        }
    }
}

/// Series by their numbers, each with the buckets that are meant.
type Parts = Vec<(u32, Range<usize>)>;

/// The parts of a head that go into each window of each tier, by the tier and the window's beginning.
fn by_window(head: &Head) -> BTreeMap<(usize, i64), Parts> {
    let mut windows: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (number, columns) in head.series.iter().enumerate() {
        for (tier, buckets) in columns.iter().enumerate() {
            let mut begin = 0;
            while let Some(first) = buckets.get(begin) {
                let window = TIERS[tier].window_of(first.start);
                let end = window + TIERS[tier].window_secs;
                let length = buckets[begin..].partition_point(|bucket| bucket.start < end);
                let part = (u32::try_from(number).unwrap_or(u32::MAX), begin..begin + length);
                windows.entry((tier, window)).or_default().push(part);
                begin += length;
            }
        }
    }
    windows
}

/// Sorts buckets, and makes one of those that fall together in `tier`.
fn join(buckets: impl Iterator<Item = Bucket>, tier: usize) -> Vec<Bucket> {
    let mut all: Vec<Bucket> = buckets
        .map(|bucket| Bucket { start: TIERS[tier].bucket_of(bucket.start), summary: bucket.summary })
        .collect();
    all.sort_by_key(|bucket| bucket.start);
    let mut joined: Vec<Bucket> = Vec::with_capacity(all.len());
    for mut bucket in all {
        if tier > 0 {
            bucket.summary.limit_exact(limits::EXACT_VALUES_ROLLED_MAX);
        }
        summary::add(&mut joined, bucket.start, bucket.summary);
    }
    if tier > 0 {
        joined.iter_mut().for_each(|bucket| bucket.summary.limit_exact(limits::EXACT_VALUES_ROLLED_MAX));
    }
    joined
}

/// Which segments of a window become one. A closed window's do, all of them, unless a few late points alone would rewrite a large
/// one. Of an open one's, and of many, only the small: so each point is rewritten a few times, not with each new segment.
fn to_merge(mut segments: Vec<Arc<Segment>>, is_closed: bool) -> Vec<Arc<Segment>> {
    segments.sort_by_key(|segment| segment.bytes);
    let largest = segments.last().map_or(0, |segment| segment.bytes);
    let others = segments.iter().map(|segment| segment.bytes).sum::<u64>() - largest;
    if segments.len() >= 2 && is_closed && others * 8 >= largest {
        return segments;
    }
    if segments.len() < limits::METRIC_SEGMENTS_PER_WINDOW_MAX {
        return Vec::new();
    }
    let mut sum = 0;
    let mut count = 0;
    for segment in &segments {
        if count >= limits::METRIC_SEGMENTS_PER_WINDOW_MAX / 2 && segment.bytes > 2 * sum {
            break;
        }
        sum += segment.bytes;
        count += 1;
    }
    segments.truncate(count);
    segments
}
