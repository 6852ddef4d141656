//! Appends records: collected in memory, written once per batch, rotated by size.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{HEADER_BYTES, Position, Record, segment_name};
use crate::limits::{LOG_BUFFER_BYTES_MAX, SEGMENT_BYTES_MAX, SPOOL_UNREAD_BYTES_MAX};

/// Unread bytes of a non-blocking container are accounted in steps of at least this.
const ACCOUNT_BYTES_MIN: u64 = 64 * 1024;

/// What to do with new output of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Accept,
    /// Blocking mode: leave it in the pipe.
    Wait,
    /// Non-blocking mode: take it and drop it.
    Drop,
}

#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    file: File,
    segment_bytes: u64,
    written: u64,
    acknowledged: u64,
    batch: Vec<u8>,
    /// The last flush failed, as on a full disk: the batch waits for the next one.
    stuck: bool,
    /// One per container in non-blocking mode.
    accounts: Vec<Option<Account>>,
}

/// Unread bytes of one container: where in the stream they end, and how many they are.
#[derive(Debug)]
struct Account {
    bytes_max: u64,
    unread: u64,
    parts: VecDeque<(u64, u64)>,
}

impl Writer {
    /// Makes a new spool. `buffers` holds, per container, the largest unread size of non-blocking mode.
    pub fn create(folder: &Path, buffers: &[Option<u64>]) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let file = open_segment(folder, 0)?;
        let accounts = buffers
            .iter()
            .map(|buffer| {
                let bytes_max = (*buffer)?.min(LOG_BUFFER_BYTES_MAX);
                Some(Account { bytes_max, unread: 0, parts: VecDeque::new() })
            })
            .collect();
        Ok(Self {
            folder: folder.to_owned(),
            file,
            segment_bytes: 0,
            written: 0,
            acknowledged: 0,
            batch: Vec::new(),
            stuck: false,
            accounts,
        })
    }

    pub fn position(&self) -> Position {
        Position(self.written)
    }

    /// The reader has no more use for anything before `position`.
    pub fn acknowledged(&mut self, position: Position) {
        self.acknowledged = self.acknowledged.max(position.0.min(self.written));
        for account in self.accounts.iter_mut().flatten() {
            while let Some((end, bytes)) =
                account.parts.front().copied().filter(|(end, _)| *end <= self.acknowledged)
            {
                debug_assert!(end <= self.written);
                account.unread -= bytes;
                account.parts.pop_front();
            }
        }
    }

    pub fn admission(&self, container: usize) -> Admission {
        if let Some(Some(account)) = self.accounts.get(container) {
            let full = self.stuck || account.unread > account.bytes_max;
            return if full { Admission::Drop } else { Admission::Accept };
        }
        let unread = self.written - self.acknowledged;
        if self.stuck || unread > SPOOL_UNREAD_BYTES_MAX { Admission::Wait } else { Admission::Accept }
    }

    /// Whether output waits for a disk that takes none.
    pub fn is_stuck(&self) -> bool {
        self.stuck
    }

    /// Adds a record to the batch; `flush` writes it.
    pub fn append(&mut self, record: Record<'_>) {
        record.encode(&mut self.batch);
        let end = self.written + self.batch.len() as u64;
        if let Some(Some(account)) = self.accounts.get_mut(usize::from(record.container)) {
            let bytes = (HEADER_BYTES + record.payload.len()) as u64;
            account.unread += bytes;
            match account.parts.back_mut() {
                Some((last_end, part)) if *part < ACCOUNT_BYTES_MIN => {
                    *last_end = end;
                    *part += bytes;
                }
                _ => account.parts.push_back((end, bytes)),
            }
        }
    }

    /// Writes the batch with one call. True when something was written. After an error the batch is kept for the next
    /// call: nothing is lost while the disk is full.
    pub fn flush(&mut self) -> io::Result<bool> {
        if self.batch.is_empty() {
            return Ok(false);
        }
        let written = self.write_batch();
        self.stuck = written.is_err();
        written?;
        self.written += self.batch.len() as u64;
        self.segment_bytes += self.batch.len() as u64;
        self.batch.clear();
        // A burst must not stay in the memory of a quiet task.
        self.batch.shrink_to(4096);
        Ok(true)
    }

    fn write_batch(&mut self) -> io::Result<()> {
        if self.segment_bytes >= SEGMENT_BYTES_MAX {
            self.file = open_segment(&self.folder, self.written)?;
            self.segment_bytes = 0;
        }
        self.file.write_all(&self.batch).inspect_err(|_| {
            // A torn tail would hide everything after it from readers, and come twice with the next try.
            if let Err(error) = self.file.set_len(self.segment_bytes) {
                eprintln!("supervisor: a torn end of the log spool can't be cut off: {error}");
            }
        })
    }
}

fn open_segment(folder: &Path, start: u64) -> io::Result<File> {
    File::options().append(true).create_new(true).open(folder.join(segment_name(start)))
}
