//! Which files count, and what is known of streams and sources: replaced as a whole, atomically.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::OpenError;
use super::state::{Source, State, Stream, StreamStats};
use super::store::SourcePosition;

const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    version: u32,
    /// Journals before this one are in segments.
    pub journal_first: u64,
    /// Oldest first.
    pub segments: Vec<u64>,
    stream_next: u32,
    source_next: u32,
    streams: Vec<StreamEntry>,
    sources: Vec<SourceEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StreamEntry {
    number: u32,
    key: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    floor: Option<i64>,
    sequence_next: u64,
    last_ingestion: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SourceEntry {
    number: u32,
    key: Arc<str>,
    /// Segment and offset.
    position: Option<(u64, u64)>,
}

fn path(dir: &Path) -> PathBuf {
    dir.join("manifest.json")
}

impl Manifest {
    /// What `state` knows, with other lists of files.
    pub(super) fn new(state: &State, journal_first: u64, segments: Vec<u64>) -> Self {
        let streams = state.streams.iter().map(|(number, stream)| StreamEntry {
            number: *number,
            key: Arc::clone(&stream.key),
            floor: (stream.floor > i64::MIN).then_some(stream.floor),
            sequence_next: stream.sequence_next,
            last_ingestion: stream.last_ingestion,
        });
        let sources = state.sources.iter().map(|(key, source)| SourceEntry {
            number: source.number,
            key: Arc::clone(key),
            position: source.position.map(|position| (position.segment, position.offset)),
        });
        Self {
            version: VERSION,
            journal_first,
            segments,
            stream_next: state.stream_next,
            source_next: state.source_next,
            streams: streams.collect(),
            sources: sources.collect(),
        }
    }

    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let new = dir.join("manifest.new");
        let mut file = File::create(&new)?;
        let bytes = serde_json::to_vec(self).map_err(io::Error::other)?;
        file.write_all(&bytes)?;
        file.sync_data()?;
        std::fs::rename(&new, path(dir))?;
        File::open(dir)?.sync_all()
    }

    /// `None` before the first one was written.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, OpenError> {
        let path = path(dir);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(OpenError::at(&path)(error)),
        };
        match serde_json::from_slice::<Self>(&bytes) {
            Ok(manifest) if manifest.version == VERSION => Ok(Some(manifest)),
            Ok(_) => Err(OpenError::Damaged { path, what: "it is of another version of the program" }),
            Err(_) => Err(OpenError::Damaged { path, what: "it is no manifest" }),
        }
    }

    /// Puts streams and sources into an empty state.
    pub(super) fn restore(&self, state: &mut State) {
        (state.stream_next, state.source_next) = (self.stream_next, self.source_next);
        for entry in &self.streams {
            state.numbers.insert(Arc::clone(&entry.key), entry.number);
            let stream = Stream {
                key: Arc::clone(&entry.key),
                floor: entry.floor.unwrap_or(i64::MIN),
                sequence_next: entry.sequence_next,
                last_ingestion: entry.last_ingestion,
                stats: StreamStats::default(),
            };
            state.streams.insert(entry.number, stream);
        }
        for entry in &self.sources {
            let position = entry.position.map(|(segment, offset)| SourcePosition { segment, offset });
            state.source_keys.insert(entry.number, Arc::clone(&entry.key));
            state.sources.insert(Arc::clone(&entry.key), Source { number: entry.number, position });
        }
    }
}
