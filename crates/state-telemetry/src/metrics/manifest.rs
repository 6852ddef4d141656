//! Which files count: replaced as a whole, atomically.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    version: u32,
    /// Journals before this one are in segments.
    pub journal_first: u64,
    /// The dictionary; none before the first sealing.
    pub series: Option<u64>,
    pub segments: Vec<u64>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self { version: VERSION, journal_first: 0, series: None, segments: Vec::new() }
    }
}

fn path(dir: &Path) -> PathBuf {
    dir.join("manifest.json")
}

impl Manifest {
    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let bytes = serde_json::to_vec(self).map_err(io::Error::other)?;
        let fresh = dir.join("manifest.new");
        let mut file = File::create(&fresh)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&fresh, path(dir))?;
        File::open(dir)?.sync_all()
    }

    /// An empty one where there is none yet.
    pub(super) fn read(dir: &Path) -> io::Result<Self> {
        let bytes = match std::fs::read(path(dir)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        match serde_json::from_slice::<Self>(&bytes) {
            Ok(manifest) if manifest.version == VERSION => Ok(manifest),
            Ok(_) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "it is of another version of the program"))
            }
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }
}
