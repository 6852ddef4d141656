//! Rewriting: all live entries into a new snapshot, while commits go on into a new log behind it.
//!
//! The order makes every crash harmless: the snapshot gets its name when it is whole and durable, and what it
//! replaces is deleted after that; opening deletes whatever is older than the newest snapshot.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use tracing::{error, info};

use super::Shared;
use super::frame::{FrameBuffer, MAGIC};
use super::index::Stored;
use super::segment::{self, Log, Segment};
use crate::limits::{COMPACTION_LOG_BYTES_MIN, COMPACTION_SWAP_KEYS};
use crate::store::Revision;

/// Only the log grows dead bytes that matter: a snapshot's are at most what was live when it was made.
pub fn is_worthwhile(log_bytes: u64, live_bytes: u64, above: u64) -> bool {
    log_bytes > COMPACTION_LOG_BYTES_MIN && log_bytes > live_bytes * 2 && log_bytes > above + above / 2
}

/// Turns to a new log and starts to rewrite everything before it.
pub fn start(shared: &Arc<Shared>, directory: &Path, log: &mut Log) -> io::Result<JoinHandle<()>> {
    let number = log.segment.number + 1;
    let path = segment::log_path(directory, number + 1);
    let next = Log {
        segment: Arc::new(Segment::create(path, number + 1)?),
        length: MAGIC.len() as u64,
        torn: false,
    };
    let (revision, live) = {
        let inner = shared.read();
        (inner.revision, inner.index.below(b""))
    };
    *log = next;
    let work =
        Work { shared: Arc::clone(shared), directory: directory.to_path_buf(), number, revision, live };
    std::thread::Builder::new().name("store-compaction".into()).spawn(move || work.run())
}

struct Work {
    shared: Arc<Shared>,
    directory: PathBuf,
    number: u64,
    revision: Revision,
    live: Vec<Stored>,
}

impl Work {
    fn run(mut self) {
        let entries = self.live.len();
        match self.rewrite() {
            Ok(bytes) => info!(entries, bytes, "the log of the state store is rewritten"),
            Err(failure) => {
                // The logs it would have replaced stay as they are, and are read when the store opens.
                error!(%failure, "rewriting the log of the state store failed");
                let _ = fs::remove_file(self.unfinished());
            }
        }
    }

    fn unfinished(&self) -> PathBuf {
        segment::snapshot_path(&self.directory, self.number).with_extension("tmp")
    }

    fn rewrite(&mut self) -> io::Result<u64> {
        let unfinished = self.unfinished();
        let created = Arc::new(Segment::create(unfinished.clone(), self.number)?);
        let bytes = self.write_entries(&created)?;
        created.file.sync_all()?;
        let path = segment::snapshot_path(&self.directory, self.number);
        fs::rename(&unfinished, &path)?;
        segment::sync_parent(&path)?;
        let moved = Arc::new(Segment::open(path, self.number)?);
        for stored in &mut self.live {
            stored.entry.segment = Arc::clone(&moved);
        }
        for chunk in self.live.chunks(COMPACTION_SWAP_KEYS) {
            let mut inner = self.shared.write();
            chunk.iter().for_each(|stored| inner.index.relocate(stored));
        }
        self.delete_older()?;
        Ok(bytes)
    }

    /// Writes every live entry and remembers its new place.
    fn write_entries(&mut self, target: &Segment) -> io::Result<u64> {
        let mut writer = io::BufWriter::with_capacity(1 << 20, &target.file);
        io::Seek::seek(&mut writer, io::SeekFrom::End(0))?;
        let mut at = MAGIC.len() as u64;
        let mut buffer = FrameBuffer::default();
        for stored in &mut self.live {
            let read = stored.read()?;
            buffer.clear();
            buffer.begin(self.revision);
            let value_at = buffer.entry(&read.key, &read.value, read.create_revision, read.mod_revision);
            buffer.finish();
            stored.entry.value_at = at + value_at as u64;
            writer.write_all(&buffer.bytes)?;
            at += buffer.bytes.len() as u64;
        }
        buffer.clear();
        buffer.begin(self.revision);
        buffer.end_of_snapshot(self.live.len() as u64);
        buffer.finish();
        writer.write_all(&buffer.bytes)?;
        writer.flush()?;
        Ok(at + buffer.bytes.len() as u64)
    }

    fn delete_older(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let number = segment::parse_name(&name, "snapshot").or_else(|| segment::parse_name(&name, "log"));
            if number.is_some_and(|number| number < self.number) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}
