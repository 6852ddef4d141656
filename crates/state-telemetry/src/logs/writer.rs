//! The one thread that writes: it gathers what is queued, writes it at once, flushes once, and answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use stdx::clock::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tracing::{error, warn};

use super::batch::Encoded;
use super::block::{FLAG_MORE, HEADER_LEN, Header, Kind};
use super::error::AppendError;
use super::journal;
use super::state::{JournalView, State};
use super::store::{Ack, Shared, SourcePosition};
use super::tail::Committed;
use crate::limits::{COMMIT_APPENDS_MAX, COMMIT_BYTES_MAX, JOURNALS_MAX};

#[derive(Debug)]
pub(super) enum Command {
    Append(PreparedAppend),
    Control { controls: Vec<Control>, reply: oneshot::Sender<Result<(), AppendError>> },
    Roll,
}

#[derive(Debug)]
pub(super) struct PreparedAppend {
    pub sources: Vec<(Arc<str>, SourcePosition)>,
    pub parts: Vec<(Arc<str>, Vec<Encoded>)>,
    pub bytes: usize,
    pub _permit: OwnedSemaphorePermit,
    pub reply: oneshot::Sender<Result<Ack, AppendError>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Control {
    Expire { number: u32, before: i64 },
    DeleteStream { number: u32 },
    ForgetSource { number: u32 },
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    journal_len: u64,
    sealer: SyncSender<()>,
    /// Set when a failed write could not be taken back: what is on the disk is unclear until the next start.
    is_broken: bool,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, journal_len: u64, sealer: SyncSender<()>) -> Self {
        Self { shared, journal_len, sealer, is_broken: false }
    }

    pub(super) fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        // What an earlier run left unsealed.
        let _ = self.sealer.try_send(());
        let mut appends = Vec::new();
        while let Some(first) = commands.blocking_recv() {
            let mut bytes = 0;
            let mut next = Some(first);
            while let Some(command) = next.take() {
                match command {
                    Command::Append(append) => {
                        bytes += append.bytes;
                        appends.push(append);
                    }
                    // Deleting and expiring speak of streams as they are: what came before is written first.
                    Command::Control { controls, reply } => {
                        self.commit_appends(&mut appends);
                        let _ = reply.send(self.commit_controls(&controls));
                    }
                    Command::Roll => {
                        self.commit_appends(&mut appends);
                        self.roll();
                    }
                }
                if bytes < COMMIT_BYTES_MAX && appends.len() < COMMIT_APPENDS_MAX {
                    next = commands.try_recv().ok();
                }
            }
            self.commit_appends(&mut appends);
            self.roll_when_full();
        }
    }

    fn commit_appends(&mut self, appends: &mut Vec<PreparedAppend>) {
        if appends.is_empty() {
            return;
        }
        let now = self.shared.clock.now();
        let mut group = Group::new(&self.shared.read(), now);
        let mut answers = Vec::with_capacity(appends.len());
        for append in appends.drain(..) {
            let is_duplicate = !group.add(&self.shared.read(), append.sources, append.parts);
            answers.push((append.reply, is_duplicate, append._permit));
        }
        let written = self.write(group.blocks);
        for (reply, is_duplicate, _permit) in answers {
            let answer = written.clone().map(|()| Ack { ingestion: now, is_duplicate });
            // Nobody waits when the caller gave up; the events are stored all the same.
            let _ = reply.send(answer);
        }
    }

    fn commit_controls(&mut self, controls: &[Control]) -> Result<(), AppendError> {
        let header = |control: &Control| match *control {
            Control::Expire { number, before } => {
                Header { time_min: before, ..Header::control(Kind::Expire, number, &[]) }
            }
            Control::DeleteStream { number } => Header::control(Kind::DeleteStream, number, &[]),
            Control::ForgetSource { number } => Header::control(Kind::ForgetSource, number, &[]),
        };
        self.write(controls.iter().map(|control| control_block(header(control), &[])).collect())?;
        let mut state = self.shared.write();
        for control in controls {
            if let Control::Expire { number, .. } = control {
                state.recount(*number);
            }
        }
        Ok(())
    }

    /// Writes, flushes and applies `blocks`, or leaves everything as it was.
    fn write(&mut self, blocks: Vec<Encoded>) -> Result<(), AppendError> {
        if self.is_broken {
            return Err(AppendError::Stopped);
        }
        if blocks.is_empty() {
            return Ok(());
        }
        let Some(file) = self.shared.read().journals.last().map(|journal| Arc::clone(&journal.file)) else {
            return Err(AppendError::Stopped);
        };
        if let Err(failure) = journal::write(&file, &blocks) {
            // What was refused must not come back at the next start.
            let undone = file.set_len(self.journal_len).and_then(|()| file.sync_data());
            self.is_broken = undone.is_err();
            error!(%failure, undone = !self.is_broken, "can't write logs");
            return Err(AppendError::from(&failure));
        }
        let mut state = self.shared.write();
        for block in &blocks {
            state.apply(&block.header, self.journal_len, &block.messages);
            self.journal_len += (HEADER_LEN + block.messages.len() + block.columns.len()) as u64;
        }
        if self.shared.tails.is_listening() {
            let key = |number| state.streams.get(&number).map(|stream| Arc::clone(&stream.key));
            let events = blocks.into_iter().filter(|block| block.header.kind == Kind::Events);
            let committed: Vec<_> =
                events.filter_map(|block| Some(Committed::new(key(block.header.number)?, block))).collect();
            drop(state);
            committed.into_iter().for_each(|block| self.shared.tails.publish(Arc::new(block)));
        }
        Ok(())
    }

    fn roll_when_full(&mut self) {
        let config = &self.shared.config;
        let is_full = {
            let state = self.shared.read();
            let many =
                state.journals.last().is_some_and(|last| last.block_count >= config.journal_blocks_max);
            (many || self.journal_len >= config.journal_bytes_max) && state.journals.len() < JOURNALS_MAX
        };
        if is_full {
            self.roll();
        }
    }

    /// Begins a new journal and has the old one sealed.
    fn roll(&mut self) {
        if self.journal_len == 0 || self.is_broken {
            return;
        }
        let number = self.shared.next_file();
        match journal::create(&self.shared.dir, number) {
            Ok(file) => {
                self.shared.write().journals.push(JournalView::new(number, Arc::new(file)));
                self.journal_len = 0;
                // A full channel means that the sealer will look again anyway.
                let _ = self.sealer.try_send(());
            }
            // The old one goes on; the next append tries again.
            Err(failure) => warn!(%failure, "can't begin a new journal of logs"),
        }
    }
}

fn control_block(header: Header, body: &[u8]) -> Encoded {
    Encoded { header, messages: body.to_vec(), columns: Vec::new() }
}

/// Blocks to be written at once, with the numbers and sequences that they take on the way.
struct Group {
    now: Timestamp,
    blocks: Vec<Encoded>,
    streams: HashMap<Arc<str>, u32>,
    sequences: HashMap<u32, u64>,
    sources: HashMap<Arc<str>, (u32, Option<SourcePosition>)>,
    stream_next: u32,
    source_next: u32,
}

impl Group {
    fn new(state: &State, now: Timestamp) -> Self {
        Self {
            now,
            blocks: Vec::new(),
            streams: HashMap::new(),
            sequences: HashMap::new(),
            sources: HashMap::new(),
            stream_next: state.stream_next.max(1),
            source_next: state.source_next.max(1),
        }
    }

    /// `false` when all sources were read that far before: then nothing is added.
    fn add(
        &mut self,
        state: &State,
        sources: Vec<(Arc<str>, SourcePosition)>,
        parts: Vec<(Arc<str>, Vec<Encoded>)>,
    ) -> bool {
        let first = self.blocks.len();
        let is_old = |(key, position): &(Arc<str>, SourcePosition)| {
            let pending = self.sources.get(key).map(|known| known.1);
            let known = pending.unwrap_or_else(|| state.sources.get(key).and_then(|source| source.position));
            known.is_some_and(|known| known >= *position)
        };
        if !sources.is_empty() && sources.iter().all(is_old) {
            return false;
        }
        let mut position_blocks = Vec::with_capacity(sources.len());
        for (key, position) in sources {
            let number = self.source(state, &key);
            self.sources.insert(key, (number, Some(position)));
            let header = Header {
                time_min: position.segment.cast_signed(),
                time_max: position.offset.cast_signed(),
                ..Header::control(Kind::Position, number, &[])
            };
            position_blocks.push(control_block(header, &[]));
        }
        for (key, blocks) in parts {
            if blocks.is_empty() {
                continue;
            }
            let number = self.stream(state, key);
            let known = || state.streams.get(&number).map_or(1, |stream| stream.sequence_next);
            let sequence = self.sequences.entry(number).or_insert_with(known);
            for mut block in blocks {
                block.header.number = number;
                block.header.ingestion = self.now.as_millis();
                block.header.sequence = *sequence;
                *sequence += u64::from(block.header.count);
                self.blocks.push(block);
            }
        }
        self.blocks.extend(position_blocks);
        // The append counts only when its last block is there too.
        if let Some((_last, before)) = self.blocks[first..].split_last_mut() {
            before.iter_mut().for_each(|block| block.header.flags |= FLAG_MORE);
        }
        true
    }

    fn stream(&mut self, state: &State, key: Arc<str>) -> u32 {
        if let Some(number) = state.numbers.get(&key).or_else(|| self.streams.get(&key)) {
            return *number;
        }
        let number = self.stream_next;
        self.stream_next += 1;
        self.blocks
            .push(control_block(Header::control(Kind::DefineStream, number, key.as_bytes()), key.as_bytes()));
        self.streams.insert(key, number);
        number
    }

    fn source(&mut self, state: &State, key: &Arc<str>) -> u32 {
        if let Some((number, _)) = self.sources.get(key) {
            return *number;
        }
        if let Some(known) = state.sources.get(key) {
            return known.number;
        }
        let number = self.source_next;
        self.source_next += 1;
        let header = Header::control(Kind::DefineSource, number, key.as_bytes());
        self.blocks.push(control_block(header, key.as_bytes()));
        number
    }
}
