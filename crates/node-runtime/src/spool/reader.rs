//! Reads records from a position on, moves over segments, and keeps what was acknowledged.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{Position, Record, decode, segment_name, segment_start};

const ACKNOWLEDGED_FILE: &str = "acknowledged";

#[derive(Debug)]
pub struct Reader {
    folder: PathBuf,
    position: u64,
    segment: Option<Segment>,
}

#[derive(Debug)]
struct Segment {
    start: u64,
    file: File,
}

/// Some whole records.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Where the next batch begins: acknowledge this once the batch is safe elsewhere.
    pub end: Position,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (record, length) = decode(rest)?;
            rest = &rest[length..];
            Some(record)
        })
    }

    /// As [`Self::records`], each with the position after it.
    pub fn records_with_ends(&self) -> impl Iterator<Item = (Record<'_>, Position)> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (record, length) = decode(rest)?;
            rest = &rest[length..];
            Some((record, Position(self.end.0 - rest.len() as u64)))
        })
    }
}

impl Reader {
    /// Opens the spool of a task at the last acknowledged position.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let position = match fs::read(folder.join(ACKNOWLEDGED_FILE)) {
            Ok(bytes) => bytes.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Self::at(folder, Position(position)))
    }

    pub fn at(folder: &Path, position: Position) -> Self {
        Self { folder: folder.to_owned(), position: position.0, segment: None }
    }

    pub fn position(&self) -> Position {
        Position(self.position)
    }

    /// Whole records from the current position, about `bytes_max` of them; empty at the end of what is
    /// written.
    pub fn read(&mut self, bytes_max: usize) -> io::Result<Batch> {
        loop {
            if self.segment.is_none() && !self.open_segment()? {
                return Ok(Batch { bytes: Vec::new(), end: self.position() });
            }
            let bytes = self.read_records(bytes_max)?;
            if !bytes.is_empty() {
                self.position += bytes.len() as u64;
                return Ok(Batch { bytes, end: self.position() });
            }
            // The next segment begins exactly here, and only after this one got its last byte.
            let next = self.folder.join(segment_name(self.position));
            let at_start = self.segment.as_ref().is_none_or(|segment| segment.start == self.position);
            if at_start || !next.exists() {
                return Ok(Batch { bytes: Vec::new(), end: self.position() });
            }
            self.segment = None;
        }
    }

    /// Forgets everything before `position`: kept across restarts, and consumed segments are deleted.
    pub fn acknowledge(&self, position: Position) -> io::Result<()> {
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.folder.join(ACKNOWLEDGED_FILE))?;
        file.write_all(&position.0.to_le_bytes())?;
        let mut starts = self.segment_starts()?;
        starts.sort_unstable();
        for pair in starts.windows(2) {
            if pair[1] <= position.0 {
                fs::remove_file(self.folder.join(segment_name(pair[0])))?;
            }
        }
        Ok(())
    }

    fn open_segment(&mut self) -> io::Result<bool> {
        let start = self.segment_starts()?.into_iter().filter(|start| *start <= self.position).max();
        let Some(start) = start else { return Ok(false) };
        let file = File::open(self.folder.join(segment_name(start)))?;
        self.segment = Some(Segment { start, file });
        Ok(true)
    }

    fn segment_starts(&self) -> io::Result<Vec<u64>> {
        let mut starts = Vec::new();
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(starts),
            Err(error) => return Err(error),
        };
        for entry in entries {
            starts.extend(entry?.file_name().to_str().and_then(segment_start));
        }
        Ok(starts)
    }

    fn read_records(&mut self, bytes_max: usize) -> io::Result<Vec<u8>> {
        let Some(segment) = &self.segment else { return Ok(Vec::new()) };
        let mut wanted = bytes_max.max(4096);
        loop {
            let mut bytes = vec![0; wanted];
            let count = segment.file.read_at(&mut bytes, self.position - segment.start)?;
            bytes.truncate(count);
            let mut whole = 0;
            while let Some((_, length)) = decode(&bytes[whole..]) {
                whole += length;
            }
            // A single record may be larger than what the caller wants at once.
            if whole == 0 && count == wanted {
                wanted *= 2;
                continue;
            }
            bytes.truncate(whole);
            return Ok(bytes);
        }
    }
}
