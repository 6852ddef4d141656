//! The one thread that writes: takes what waits, makes it durable together, shows it, answers.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info};

use super::Shared;
use super::compaction;
use super::frame::FrameBuffer;
use super::index::{Entry, Index};
use super::segment::Log;
use crate::limits::{GROUP_BYTES_MAX, GROUP_TRANSACTIONS_MAX};
use crate::store::{Change, CommitError, Revision, StoreError, Transaction, WatchBatch, Write};

#[derive(Debug)]
pub struct Request {
    pub transaction: Transaction,
    pub answer: oneshot::Sender<Result<Revision, CommitError>>,
}

pub struct Writer {
    shared: Arc<Shared>,
    directory: PathBuf,
    log: Log,
    buffer: FrameBuffer,
    compaction: Option<JoinHandle<()>>,
    /// After a failed compaction the next one waits for more dead bytes than this.
    compact_above: u64,
    /// Whether the last write failed: tells the change once, not every refused commit.
    failing: bool,
}

/// A transaction of the group that is being written.
struct Staged {
    revision: Revision,
    writes: Vec<Write>,
    /// Places in the buffer, one for each write.
    values_at: Vec<usize>,
}

/// What the keys written by the group will be once it is durable: the revision that wrote them, `None` when
/// deleted.
type Overlay = HashMap<Bytes, Option<Revision>>;

impl Writer {
    pub fn new(shared: Arc<Shared>, directory: PathBuf, log: Log) -> Self {
        let buffer = FrameBuffer::default();
        Self { shared, directory, log, buffer, compaction: None, compact_above: 0, failing: false }
    }

    pub fn run(mut self, mut waiting: mpsc::Receiver<Request>) {
        let mut group = Vec::new();
        while let Some(first) = waiting.blocking_recv() {
            group.push(first);
            while group.len() < GROUP_TRANSACTIONS_MAX
                && let Ok(next) = waiting.try_recv()
            {
                group.push(next);
            }
            while !group.is_empty() {
                self.commit(&mut group);
            }
            self.compact_if_worthwhile();
        }
        if let Some(compaction) = self.compaction.take() {
            let _ = compaction.join();
        }
    }

    /// Commits from the front of `group` as much as one write takes.
    fn commit(&mut self, group: &mut Vec<Request>) {
        self.buffer.clear();
        let mut revision = self.shared.read().revision;
        let mut overlay = Overlay::new();
        let mut staged = Vec::new();
        let mut answers = Vec::new();
        let mut taken = 0;
        {
            let shared = Arc::clone(&self.shared);
            let inner = shared.read();
            for request in group.iter_mut() {
                if self.buffer.bytes.len() > GROUP_BYTES_MAX {
                    break;
                }
                taken += 1;
                let mut transaction = std::mem::take(&mut request.transaction);
                let outcome = check(&transaction, &inner.index, &overlay).map(|()| {
                    let exists = |key: &[u8]| written_by(key, &inner.index, &overlay).is_some();
                    transaction.writes.retain(|write| write.is_effective(exists));
                    if !transaction.writes.is_empty() {
                        revision += 1;
                        staged.push(self.stage(transaction.writes, revision, &mut overlay));
                    }
                    revision
                });
                answers.push(outcome);
            }
        }
        if !staged.is_empty()
            && let Err(failure) = self.write()
        {
            // Also those that were refused or wrote nothing: they were decided by what has not happened.
            answers.iter_mut().for_each(|answer| *answer = Err(unavailable(&failure)));
        } else if !staged.is_empty() {
            self.show(staged);
        }
        for (request, answer) in group.drain(..taken).zip(answers) {
            // Who asked may have gone.
            let _ = request.answer.send(answer);
        }
    }

    fn stage(&mut self, writes: Vec<Write>, revision: Revision, overlay: &mut Overlay) -> Staged {
        self.buffer.begin(revision);
        let mut values_at = Vec::with_capacity(writes.len());
        for write in &writes {
            values_at.push(self.buffer.write(write));
            let left = matches!(write, Write::Put { .. }).then_some(revision);
            overlay.insert(write.key().clone(), left);
        }
        self.buffer.finish();
        Staged { revision, writes, values_at }
    }

    fn write(&mut self) -> std::io::Result<()> {
        let outcome = self.log.append(&self.buffer);
        match &outcome {
            Err(failure) if !self.failing => {
                error!(%failure, "the state store can't write; commits are refused")
            }
            Ok(()) if self.failing => info!("the state store writes again"),
            _ => {}
        }
        self.failing = outcome.is_err();
        outcome
    }

    /// Lets readers and watchers see what is durable now.
    fn show(&mut self, staged: Vec<Staged>) {
        let buffer_at = self.log.length - self.buffer.bytes.len() as u64;
        let mut inner = self.shared.write();
        for Staged { revision, writes, values_at } in staged {
            let mut changes = Vec::with_capacity(writes.len());
            for (write, value_at) in writes.into_iter().zip(values_at) {
                match write {
                    Write::Put { key, value } => {
                        let former = inner.index.entry(&key);
                        let entry = Entry {
                            create_revision: former.map_or(revision, |entry| entry.create_revision),
                            mod_revision: revision,
                            segment: Arc::clone(&self.log.segment),
                            value_at: buffer_at + value_at as u64,
                            value_length: u32::try_from(value.len())
                                .expect("values are bounded by the limits"),
                        };
                        // A key that keeps a part of a larger buffer alive would keep all of it in memory.
                        inner.index.put(Bytes::copy_from_slice(&key), entry);
                        changes.push(Change { key, value: Some(value) });
                    }
                    Write::Delete { key } => {
                        if inner.index.delete(&key) {
                            changes.push(Change { key, value: None });
                        }
                    }
                }
            }
            inner.revision = revision;
            inner.watchers.publish(WatchBatch { revision, changes: changes.into() });
        }
    }

    fn compact_if_worthwhile(&mut self) {
        if self.compaction.as_ref().is_some_and(|running| !running.is_finished()) {
            return;
        }
        if let Some(finished) = self.compaction.take() {
            let _ = finished.join();
        }
        let live = self.shared.read().index.live_bytes;
        // A log with an uncut end must stay the newest: only there it is looked for.
        if self.log.torn || !compaction::is_worthwhile(self.log.length, live, self.compact_above) {
            return;
        }
        self.compact_above = self.log.length;
        match compaction::start(&self.shared, &self.directory, &mut self.log) {
            Ok(running) => {
                self.compaction = Some(running);
                self.compact_above = 0;
            }
            Err(failure) => error!(%failure, "the log of the state store can't be rewritten now"),
        }
    }
}

fn check(transaction: &Transaction, index: &Index, overlay: &Overlay) -> Result<(), CommitError> {
    for precondition in &transaction.preconditions {
        precondition.check(written_by(precondition.key(), index, overlay))?;
    }
    Ok(())
}

/// The revision that wrote the key, once the group is durable; `None` when there is no such key then.
fn written_by(key: &[u8], index: &Index, overlay: &Overlay) -> Option<Revision> {
    match overlay.get(key) {
        Some(left) => *left,
        None => index.entry(key).map(|entry| entry.mod_revision),
    }
}

fn unavailable(failure: &std::io::Error) -> CommitError {
    // An error can't be copied; its kind and text can.
    let source = std::io::Error::new(failure.kind(), failure.to_string());
    CommitError::Unavailable(StoreError::Io { action: "writing a commit", source: Box::new(source) })
}
