//! Files of the store: named by kind and number, appended to, read through.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use std::sync::Arc;

use super::OpenError;
use super::frame::{self, FrameBuffer, HEADER_BYTES, MAGIC, Operation, PAYLOAD_BYTES_MAX};
use crate::store::Revision;

const READ_BUFFER_BYTES: usize = 256 * 1024;

/// One file. Values are read from it by place as long as anything refers to it, also when its name is gone.
#[derive(Debug)]
pub struct Segment {
    pub number: u64,
    pub path: PathBuf,
    pub file: File,
}

impl Segment {
    /// Makes a file with nothing but its beginning, and makes that durable.
    pub fn create(path: PathBuf, number: u64) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        file.write_all_at(MAGIC, 0)?;
        file.sync_all()?;
        sync_parent(&path)?;
        Ok(Self { number, path, file })
    }

    pub fn open(path: PathBuf, number: u64) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        Ok(Self { number, path, file })
    }
}

pub fn log_path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("log-{number:016x}"))
}

pub fn snapshot_path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("snapshot-{number:016x}"))
}

pub fn parse_name(name: &str, kind: &str) -> Option<u64> {
    let digits = name.strip_prefix(kind)?.strip_prefix('-')?;
    if digits.len() == 16 { u64::from_str_radix(digits, 16).ok() } else { None }
}

/// A name is durable when its directory is.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// The log that commits go to.
#[derive(Debug)]
pub struct Log {
    pub segment: Arc<Segment>,
    /// Up to here everything is whole and acknowledged.
    pub length: u64,
    /// Something behind `length` may be on the disk: it must be cut off before anything is appended.
    pub torn: bool,
}

impl Log {
    /// Appends and makes durable; on failure nothing of it stays.
    pub fn append(&mut self, buffer: &FrameBuffer) -> io::Result<()> {
        self.cut()?;
        self.torn = true;
        let written = self
            .segment
            .file
            .write_all_at(&buffer.bytes, self.length)
            .and_then(|()| self.segment.file.sync_data());
        if let Err(failure) = written {
            // Otherwise a crash now could bring back what is being refused. The next append tries again.
            let _ = self.cut();
            return Err(failure);
        }
        self.torn = false;
        self.length += buffer.bytes.len() as u64;
        Ok(())
    }

    fn cut(&mut self) -> io::Result<()> {
        if self.torn {
            self.segment.file.set_len(self.length)?;
            self.segment.file.sync_all()?;
            self.torn = false;
        }
        Ok(())
    }
}

/// How reading through a file ended.
pub struct Scan {
    /// Bytes that are whole.
    pub length: u64,
    /// Whether they are all there is.
    pub clean: bool,
}

/// Hands every frame to `visit`: its revision, its operations, and the place of its payload in the file.
pub fn scan(
    segment: &Segment,
    mut visit: impl FnMut(Revision, Vec<Operation>, u64) -> Result<(), &'static str>,
) -> Result<Scan, OpenError> {
    let damaged = |offset, reason| OpenError::Damaged { path: segment.path.clone(), offset, reason };
    let size = segment.file.metadata().map_err(OpenError::io("reading", &segment.path))?.len();
    let mut reader = BufReader::with_capacity(READ_BUFFER_BYTES, &segment.file);
    let mut read =
        |bytes: &mut [u8]| reader.read_exact(bytes).map_err(OpenError::io("reading", &segment.path));
    if size < MAGIC.len() as u64 {
        return Ok(Scan { length: 0, clean: false });
    }
    let mut magic = [0; MAGIC.len()];
    read(&mut magic)?;
    if magic != *MAGIC {
        return Err(damaged(0, "it doesn't begin as a file of the state store"));
    }
    let mut at = MAGIC.len() as u64;
    let mut payload = Vec::new();
    while at < size {
        if size - at < HEADER_BYTES as u64 {
            return Ok(Scan { length: at, clean: false });
        }
        let mut header = [0; HEADER_BYTES];
        read(&mut header)?;
        let (length, checksum) = frame::parse_header(header);
        let payload_at = at + HEADER_BYTES as u64;
        if length == 0 || length > PAYLOAD_BYTES_MAX || length as u64 > size - payload_at {
            return Ok(Scan { length: at, clean: false });
        }
        payload.resize(length, 0);
        read(&mut payload)?;
        if crc32fast::hash(&payload) != checksum {
            return Ok(Scan { length: at, clean: false });
        }
        let (revision, operations) =
            frame::parse_payload(&payload).ok_or_else(|| damaged(at, "a frame of an unknown form"))?;
        visit(revision, operations, payload_at).map_err(|reason| damaged(at, reason))?;
        at = payload_at + length as u64;
    }
    Ok(Scan { length: at, clean: true })
}
