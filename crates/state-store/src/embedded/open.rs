//! Reading a directory back.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write as _};
use std::path::Path;
use std::sync::Arc;

use tracing::warn;

use super::OpenError;
use super::frame::{MAGIC, Operation};
use super::index::{Entry, Index};
use super::segment::{self, Log, Segment};
use crate::store::Revision;

pub struct Loaded {
    pub revision: Revision,
    pub index: Index,
    pub log: Log,
}

/// Two processes on one directory would destroy each other's commits.
pub fn lock(directory: &Path) -> Result<File, OpenError> {
    fs::create_dir_all(directory).map_err(OpenError::io("making", directory))?;
    let path = directory.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(OpenError::io("opening", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // Only decorates the error.
            let _ = file.read_to_string(&mut pid);
            let pid = if pid.trim().is_empty() { "unknown".into() } else { pid.trim().into() };
            return Err(OpenError::Locked { directory: directory.to_path_buf(), pid });
        }
        Err(TryLockError::Error(failure)) => return Err(OpenError::io("locking", &path)(failure)),
    }
    // The pid is only for the message above: a disk that is full must not keep the store from opening.
    let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
    Ok(file)
}

/// The process that has the directory open; none when it is free or has never been used.
pub fn holder(directory: &Path) -> std::io::Result<Option<i32>> {
    let mut file = match File::open(directory.join("lock")) {
        Ok(file) => file,
        Err(failure) if failure.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(failure) => return Err(failure),
    };
    match file.try_lock_shared() {
        Ok(()) => return Ok(None),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(failure)) => return Err(failure),
    }
    let mut pid = String::new();
    file.read_to_string(&mut pid)?;
    pid.trim().parse().map(Some).map_err(std::io::Error::other)
}

struct Names {
    snapshot: Option<u64>,
    /// In order, only those that follow the snapshot.
    logs: Vec<u64>,
}

/// Finds what belongs to the newest state and deletes what a crash left of older ones.
fn tidy(directory: &Path) -> Result<Names, OpenError> {
    let mut snapshots = Vec::new();
    let mut logs = Vec::new();
    let mut obsolete = Vec::new();
    for entry in fs::read_dir(directory).map_err(OpenError::io("reading", directory))? {
        let name = entry.map_err(OpenError::io("reading", directory))?.file_name();
        let name = name.to_string_lossy().into_owned();
        if let Some(number) = segment::parse_name(&name, "snapshot") {
            snapshots.push(number);
        } else if let Some(number) = segment::parse_name(&name, "log") {
            logs.push(number);
        } else if name.ends_with(".tmp") {
            obsolete.push(directory.join(name));
        }
    }
    let snapshot = snapshots.iter().copied().max();
    let is_old = |number: &u64| snapshot.is_some_and(|newest| *number < newest);
    obsolete.extend(snapshots.iter().filter(|n| is_old(n)).map(|n| segment::snapshot_path(directory, *n)));
    obsolete.extend(logs.iter().filter(|n| is_old(n)).map(|n| segment::log_path(directory, *n)));
    for path in obsolete {
        fs::remove_file(&path).map_err(OpenError::io("deleting", &path))?;
    }
    logs.retain(|number| !is_old(number));
    logs.sort_unstable();
    Ok(Names { snapshot, logs })
}

pub fn load(directory: &Path) -> Result<Loaded, OpenError> {
    let names = tidy(directory)?;
    let mut state = Replay { revision: 0, index: Index::default() };
    if let Some(number) = names.snapshot {
        let path = segment::snapshot_path(directory, number);
        load_snapshot(&mut state, open_segment(path, number)?)?;
    }
    let Some((newest, sealed)) = names.logs.split_last() else {
        let number = names.snapshot.unwrap_or(0) + 1;
        let path = segment::log_path(directory, number);
        let segment = Segment::create(path.clone(), number).map_err(OpenError::io("making", &path))?;
        let log = Log { segment: Arc::new(segment), length: MAGIC.len() as u64, torn: false };
        return Ok(Loaded { revision: state.revision, index: state.index, log });
    };
    for number in sealed {
        let segment = open_segment(segment::log_path(directory, *number), *number)?;
        let scan = state.log(&segment)?;
        if !scan.clean {
            let reason = "an older log ends in the middle of a commit";
            return Err(OpenError::Damaged { path: segment.path.clone(), offset: scan.length, reason });
        }
    }
    let segment = open_segment(segment::log_path(directory, *newest), *newest)?;
    let scan = state.log(&segment)?;
    let log = cut_end(segment, &scan)?;
    Ok(Loaded { revision: state.revision, index: state.index, log })
}

fn open_segment(path: std::path::PathBuf, number: u64) -> Result<Arc<Segment>, OpenError> {
    Segment::open(path.clone(), number).map(Arc::new).map_err(OpenError::io("opening", &path))
}

/// What a crash left unfinished at the end of the newest log was never acknowledged.
fn cut_end(segment: Arc<Segment>, scan: &segment::Scan) -> Result<Log, OpenError> {
    if scan.clean {
        return Ok(Log { segment, length: scan.length, torn: false });
    }
    if scan.length == 0 {
        let path = segment.path.clone();
        let fresh = Segment::create(path.clone(), segment.number).map_err(OpenError::io("making", &path))?;
        return Ok(Log { segment: Arc::new(fresh), length: MAGIC.len() as u64, torn: false });
    }
    warn!(file = %segment.path.display(), from = scan.length, "cutting an unfinished commit off the log");
    Ok(Log { segment, length: scan.length, torn: true })
}

fn load_snapshot(state: &mut Replay, segment: Arc<Segment>) -> Result<(), OpenError> {
    let mut complete = false;
    let scan = segment::scan(&segment, |revision, operations, payload_at| {
        state.revision = revision;
        for operation in operations {
            match operation {
                Operation::Entry { key, create_revision, mod_revision, value_at, value_length } => {
                    let value_at = payload_at + value_at as u64;
                    let segment = Arc::clone(&segment);
                    let entry = Entry { create_revision, mod_revision, segment, value_at, value_length };
                    state.index.put(key, entry);
                }
                Operation::End { entries } if entries == state.index.len() as u64 => complete = true,
                _ => return Err("a snapshot holds something else than its entries"),
            }
        }
        Ok(())
    })?;
    if complete && scan.clean {
        return Ok(());
    }
    let reason = "the snapshot is not whole";
    Err(OpenError::Damaged { path: segment.path.clone(), offset: scan.length, reason })
}

struct Replay {
    revision: Revision,
    index: Index,
}

impl Replay {
    fn log(&mut self, segment: &Arc<Segment>) -> Result<segment::Scan, OpenError> {
        segment::scan(segment, |revision, operations, payload_at| {
            if revision != self.revision + 1 {
                return Err("a commit is missing before this one");
            }
            self.revision = revision;
            for operation in operations {
                match operation {
                    Operation::Put { key, value_at, value_length } => {
                        let former = self.index.entry(&key);
                        let entry = Entry {
                            create_revision: former.map_or(revision, |entry| entry.create_revision),
                            mod_revision: revision,
                            segment: Arc::clone(segment),
                            value_at: payload_at + value_at as u64,
                            value_length,
                        };
                        self.index.put(key, entry);
                    }
                    Operation::Delete { key } => {
                        self.index.delete(&key);
                    }
                    Operation::Entry { .. } | Operation::End { .. } => {
                        return Err("a log holds an entry of a snapshot");
                    }
                }
            }
            Ok(())
        })
    }
}
