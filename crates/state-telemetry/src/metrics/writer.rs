//! The one thread that writes: it gathers the puts that are queued, writes them at once, flushes once if somebody waits for it,
//! and answers.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use stdx::clock::{Clock, SystemClock};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tracing::{error, warn};

use super::error::PutError;
use super::journal;
use super::record::{self, Entry, Key};
use super::sample::{Resolution, Sample};
use super::state::{Head, State};
use super::store::{Durability, Shared};
use super::tier::tier_of;
use crate::limits;

pub(super) type Reply = oneshot::Sender<Result<(), PutError>>;

#[derive(Debug)]
pub(super) enum Command {
    Put(Put),
    /// Begins a new journal, so that the old one is sealed.
    Roll(Reply),
    Clear(Reply),
}

#[derive(Debug)]
pub(super) struct Put {
    pub samples: Vec<Sample>,
    pub durability: Durability,
    pub reply: Reply,
    pub permit: OwnedSemaphorePermit,
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    journal_len: u64,
    sealer: SyncSender<()>,
    /// When the oldest write that isn't flushed yet was made.
    dirty_since: Option<Duration>,
    /// Set when it is unclear what is on the disk: only the next start can tell.
    is_broken: bool,
    /// Flushes happen in real time, whatever clock the samples obey.
    stopwatch: SystemClock,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, journal_len: u64, sealer: SyncSender<()>) -> Self {
        let stopwatch = SystemClock::new();
        Self { shared, journal_len, sealer, dirty_since: None, is_broken: false, stopwatch }
    }

    pub(super) fn run(mut self, commands: Receiver<Command>) {
        // What an earlier run left unsealed.
        let _ = self.sealer.try_send(());
        let mut puts = Vec::new();
        loop {
            match commands.recv_timeout(self.wait()) {
                Ok(first) => self.carry_out(first, &commands, &mut puts),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.sync_if_dirty(),
            }
            if self.wait().is_zero() {
                self.sync_if_dirty();
            }
            self.roll_when_full();
        }
    }

    fn wait(&self) -> Duration {
        self.dirty_since.map_or(limits::METRIC_UPKEEP_PERIOD, |since| {
            limits::METRIC_SYNC_WAIT.saturating_sub(self.stopwatch.monotonic().saturating_sub(since))
        })
    }

    /// One command, and those that are queued behind it up to the limit of a group.
    fn carry_out(&mut self, first: Command, commands: &Receiver<Command>, puts: &mut Vec<Put>) {
        let mut samples = 0;
        let mut next = Some(first);
        while let Some(command) = next.take() {
            match command {
                Command::Put(put) => {
                    samples += put.samples.len();
                    puts.push(put);
                }
                Command::Roll(reply) => {
                    self.commit(puts);
                    let _ = reply.send(self.roll());
                }
                Command::Clear(reply) => {
                    self.commit(puts);
                    let _ = reply.send(self.clear());
                }
            }
            if samples < limits::PUT_GROUP_SAMPLES_MAX {
                next = commands.try_recv().ok();
            }
        }
        self.commit(puts);
    }

    fn commit(&mut self, puts: &mut Vec<Put>) {
        if puts.is_empty() {
            return;
        }
        let mut answers = Vec::with_capacity(puts.len());
        let mut is_synced = false;
        let group = {
            let state = self.shared.read();
            let mut group =
                Group::new(&state, self.shared.config.series_max, self.shared.clock.now().as_secs());
            for put in puts.drain(..) {
                match group.add(put.samples) {
                    Ok(()) => {
                        is_synced |= put.durability == Durability::Synced;
                        answers.push((put.reply, put.permit));
                    }
                    // Nobody waits when the caller gave up.
                    Err(refused) => drop(put.reply.send(Err(refused))),
                }
            }
            group.written()
        };
        let written = self.write(&group, is_synced);
        for (reply, _permit) in answers {
            let _ = reply.send(written.clone());
        }
    }

    /// Writes and applies a group, or leaves everything as it was.
    fn write(&mut self, group: &Written, is_synced: bool) -> Result<(), PutError> {
        if self.is_broken {
            return Err(PutError::Stopped);
        }
        if group.blocks.is_empty() {
            return Ok(());
        }
        let Some(file) = self.shared.read().head.as_ref().map(|head| Arc::clone(&head.file)) else {
            return Err(PutError::Stopped);
        };
        let written = journal::write(&file, &group.blocks)
            .and_then(|()| if is_synced { file.sync_data() } else { Ok(()) });
        if let Err(failure) = written {
            // What was refused must not come back at the next start. A failed flush may have lost what was not flushed before.
            let undone = file.set_len(self.journal_len).and_then(|()| file.sync_data());
            self.is_broken = undone.is_err() || self.dirty_since.is_some();
            error!(%failure, undone = !self.is_broken, "can't write metrics");
            return Err(PutError::Write(Arc::new(failure)));
        }
        let is_first = self.journal_len == 0;
        self.journal_len += group.blocks.len() as u64;
        if is_synced {
            self.dirty_since = None;
        } else if self.dirty_since.is_none() {
            self.dirty_since = Some(self.stopwatch.monotonic());
        }
        let now_secs = self.shared.clock.now().as_secs();
        let mut state = self.shared.write();
        if let Some(head) = state.head.as_mut().filter(|_| is_first) {
            head.since_secs = now_secs;
        }
        for (number, key) in &group.defines {
            state.define(*number, key.clone(), i64::MIN);
        }
        group.entries.iter().for_each(|entry| state.apply(entry));
        Ok(())
    }

    fn sync_if_dirty(&mut self) {
        if self.dirty_since.is_some() {
            // A failure was logged, and later puts are told.
            let _ = self.sync();
        }
    }

    fn sync(&mut self) -> Result<(), PutError> {
        self.dirty_since = None;
        let file = self.shared.read().head.as_ref().map(|head| Arc::clone(&head.file));
        file.map_or(Ok(()), |file| file.sync_data()).map_err(|failure| {
            self.is_broken = true;
            error!(%failure, "can't flush metrics");
            PutError::Write(Arc::new(failure))
        })
    }

    fn roll_when_full(&mut self) {
        let now_secs = self.shared.clock.now().as_secs();
        let (is_full, waiting) = {
            let state = self.shared.read();
            let age = state.head.as_ref().map_or(0, |head| (now_secs - head.since_secs).abs());
            let is_large = self.journal_len >= self.shared.config.journal_bytes_max;
            (is_large || age >= limits::METRIC_JOURNAL_SECS_MAX, state.frozen.len())
        };
        if !is_full || self.journal_len == 0 {
            return;
        }
        // More than the background can do: whoever puts waits for it, rather than that memory fills up.
        if waiting >= limits::METRIC_JOURNALS_MAX
            && let Err(failure) = self.shared.seal_now()
        {
            let cause: &(dyn std::error::Error + 'static) = &failure;
            warn!(error = cause, "can't seal a journal of metrics");
            return;
        }
        if let Err(failure) = self.roll() {
            // The old one goes on; the next put tries again.
            warn!(%failure, "can't begin a new journal of metrics");
        }
    }

    fn roll(&mut self) -> Result<(), PutError> {
        if self.is_broken {
            return Err(PutError::Stopped);
        }
        if self.journal_len == 0 {
            return Ok(());
        }
        // Only the newest journal may have a torn end.
        self.sync()?;
        let head = self.new_head().map_err(|failure| PutError::Write(Arc::new(failure)))?;
        let mut state = self.shared.write();
        if let Some(full) = state.head.replace(head) {
            state.frozen.push(Arc::new(full));
        }
        drop(state);
        self.journal_len = 0;
        // A full channel means that the sealer will look again anyway.
        let _ = self.sealer.try_send(());
        Ok(())
    }

    fn new_head(&self) -> io::Result<Head> {
        let number = self.shared.next_file();
        let file = journal::create(&self.shared.dir, number)?;
        Ok(Head::new(number, Arc::new(file), self.shared.clock.now().as_secs()))
    }

    fn clear(&mut self) -> Result<(), PutError> {
        let head = self.new_head().map_err(|failure| PutError::Write(Arc::new(failure)))?;
        let cleared = self.shared.clear(head);
        if cleared.is_ok() {
            (self.journal_len, self.dirty_since, self.is_broken) = (0, None, false);
        }
        cleared.map_err(|failure| PutError::Write(Arc::new(failure)))
    }
}

/// Puts to be written at once, with the numbers that their new series take.
struct Group<'a> {
    state: &'a State,
    series_max: usize,
    now_secs: i64,
    fresh: HashMap<Key, u32>,
    number_next: u32,
    written: Written,
}

#[derive(Default)]
struct Written {
    blocks: Vec<u8>,
    defines: Vec<(u32, Key)>,
    entries: Vec<Entry>,
}

impl<'a> Group<'a> {
    fn new(state: &'a State, series_max: usize, now_secs: i64) -> Self {
        let number_next = state.number_next();
        Self { state, series_max, now_secs, fresh: HashMap::new(), number_next, written: Written::default() }
    }

    fn written(self) -> Written {
        self.written
    }

    /// All of the samples, or none.
    fn add(&mut self, samples: Vec<Sample>) -> Result<(), PutError> {
        if samples.is_empty() {
            return Ok(());
        }
        let (defines, entries) = (self.written.defines.len(), self.written.entries.len());
        let begin = journal::begin_block(&mut self.written.blocks, self.now_secs);
        let number_next = self.number_next;
        let added = self.add_all(samples).and_then(|()| {
            journal::end_block(&mut self.written.blocks, begin)
                .map_err(|failure| PutError::Write(Arc::new(failure)))
        });
        if added.is_err() {
            self.written.blocks.truncate(begin);
            self.written.entries.truncate(entries);
            self.number_next = number_next;
            for (_, key) in self.written.defines.drain(defines..) {
                self.fresh.remove(&key);
            }
        }
        added
    }

    fn add_all(&mut self, samples: Vec<Sample>) -> Result<(), PutError> {
        for sample in samples {
            let number = match self.state.number(&sample.id, sample.unit) {
                Some(number) => number,
                None => self.fresh_number(Key { id: sample.id, unit: sample.unit })?,
            };
            let finest = match sample.resolution {
                Resolution::Second => 0,
                Resolution::Minute => 1,
            };
            let second = sample.at.as_secs();
            let entry =
                Entry { number, tier: tier_of(finest, second, self.now_secs), second, values: sample.values };
            record::put_entry(&mut self.written.blocks, self.now_secs, &entry);
            self.written.entries.push(entry);
        }
        Ok(())
    }

    fn fresh_number(&mut self, key: Key) -> Result<u32, PutError> {
        if let Some(number) = self.fresh.get(&key) {
            return Ok(*number);
        }
        if self.state.series_count + self.fresh.len() >= self.series_max {
            return Err(PutError::TooManySeries { series_max: self.series_max });
        }
        let number = self.number_next;
        self.number_next += 1;
        record::put_define(&mut self.written.blocks, number, &key);
        self.written.defines.push((number, key.clone()));
        self.fresh.insert(key, number);
        Ok(number)
    }
}
