//! What a start finds on the disk.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::dictionary;
use super::error::OpenError;
use super::journal;
use super::manifest::Manifest;
use super::record::Record;
use super::segment::Segment;
use super::state::{Head, State};

pub(super) struct Loaded {
    pub state: State,
    pub manifest: Manifest,
    /// The next free number of a file.
    pub file_next: u64,
    /// Of the journal to go on with.
    pub journal_len: u64,
}

pub(super) fn load(dir: &Path, now_secs: i64) -> Result<Loaded, OpenError> {
    let manifest = Manifest::read(dir).map_err(OpenError::at(&dir.join("manifest.json")))?;
    let mut state = State::default();
    let mut series_len = 0;
    if let Some(number) = manifest.series {
        series_len = dictionary::read(dir, number, |number, key, newest| state.define(number, key, newest))
            .map_err(OpenError::at(&dictionary::path(dir, number)))?;
    }
    // Numbers of series that were forgotten aren't given again.
    state.series.resize(series_len.max(state.series.len()), None);
    for number in &manifest.segments {
        state.segments.push(Arc::new(Segment::open(dir, *number)?));
    }
    let (mut journals, number_max) = files(dir, &manifest)?;
    let mut file_next = number_max + 1;
    if journals.is_empty() {
        journal::create(dir, file_next).map_err(OpenError::at(dir))?;
        journals.push(file_next);
        file_next += 1;
    }
    let mut journal_len = 0;
    let newest = journals.last().copied();
    for number in journals {
        let path = journal::path(dir, number);
        let file = Arc::new(journal::open(dir, number).map_err(OpenError::at(&path))?);
        journal_len = replay(&mut state, number, &file, newest == Some(number), now_secs)
            .map_err(OpenError::at(&path))?;
    }
    Ok(Loaded { state, manifest, file_next, journal_len })
}

/// Puts a journal into a head of its own. What a crash tore off the newest is cut off.
fn replay(
    state: &mut State,
    number: u64,
    file: &Arc<File>,
    is_newest: bool,
    now_secs: i64,
) -> io::Result<u64> {
    let fresh = Head::new(number, Arc::clone(file), now_secs);
    if let Some(full) = state.head.replace(fresh) {
        state.frozen.push(Arc::new(full));
    }
    let whole = journal::replay(file, |record| match record {
        Record::Define(number, key) => state.define(number, key, i64::MIN),
        Record::Entry(entry) => state.apply(&entry),
    })?;
    if whole < file.metadata()?.len() {
        if !is_newest {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is damaged in the middle"));
        }
        file.set_len(whole)?;
        file.sync_all()?;
    }
    Ok(whole)
}

/// The journals that count, oldest first, and the highest number of any file. What was left over is deleted.
fn files(dir: &Path, manifest: &Manifest) -> Result<(Vec<u64>, u64), OpenError> {
    let mut journals = Vec::new();
    let mut number_max = manifest.journal_first;
    for entry in std::fs::read_dir(dir).map_err(OpenError::at(dir))? {
        let path = entry.map_err(OpenError::at(dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number_of = |prefix| name.strip_prefix(prefix).and_then(|hex| u64::from_str_radix(hex, 16).ok());
        let (number, is_kept) = if let Some(number) = number_of("journal-") {
            let is_live = number >= manifest.journal_first;
            is_live.then(|| journals.push(number));
            (number, is_live)
        } else if let Some(number) = number_of("segment-") {
            (number, manifest.segments.contains(&number))
        } else if let Some(number) = number_of("series-") {
            (number, manifest.series == Some(number))
        } else {
            continue;
        };
        number_max = number_max.max(number);
        if !is_kept {
            std::fs::remove_file(&path).map_err(OpenError::at(&path))?;
        }
    }
    journals.sort_unstable();
    Ok((journals, number_max))
}
