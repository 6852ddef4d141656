//! A file with the buckets of many series in one window of one tier. It never changes.
//!
//! Blocks come first, by the series' numbers; then the index, in groups with a checksum each; then the first number of each
//! group; then a footer. Only the first numbers of the groups are held in memory.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::block::{self, Needs};
use super::bytes::Reader;
use super::error::ReadError;
use super::summary::Bucket;
use super::tier::TIERS;

const MAGIC: u32 = 0x3153_474e;
const FOOTER_LEN: usize = 48;
/// Number, length, place and checksum of a block.
const ENTRY_LEN: usize = 20;
const GROUP: usize = 128;
/// First number and checksum of a group.
const GROUP_LEN: usize = 8;

#[derive(Debug)]
pub(super) struct Segment {
    pub number: u64,
    pub tier: usize,
    /// The first second of the window.
    pub window: i64,
    pub bytes: u64,
    path: PathBuf,
    file: File,
    index_at: u64,
    series_count: usize,
    groups: Vec<(u32, u32)>,
}

pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("segment-{number:016x}"))
}

impl Segment {
    pub(super) fn open(dir: &Path, number: u64) -> Result<Self, ReadError> {
        let path = path(dir, number);
        let open = || -> io::Result<Self> {
            let file = File::open(&path)?;
            let bytes = file.metadata()?.len();
            let mut footer = [0; FOOTER_LEN];
            let footer_at = bytes.checked_sub(FOOTER_LEN as u64).ok_or_else(damaged)?;
            file.read_exact_at(&mut footer, footer_at)?;
            let mut fields = Reader(&footer);
            let mut read = || -> Option<_> {
                let (magic, crc) = (fields.u32()?, fields.u32()?);
                let is_whole = magic == MAGIC && crc == crc32fast::hash(&footer[8..]);
                let (tier, window) = (fields.u64()?, fields.u64()?.cast_signed());
                let (index_at, series_count, groups_crc) = (fields.u64()?, fields.u64()?, fields.u32()?);
                (is_whole && tier < TIERS.len() as u64).then_some((
                    tier,
                    window,
                    index_at,
                    series_count,
                    groups_crc,
                ))
            };
            let (tier, window, index_at, series_count, groups_crc) = read().ok_or_else(damaged)?;
            let groups_at = index_at + series_count * ENTRY_LEN as u64;
            let groups_len = footer_at.checked_sub(groups_at).ok_or_else(damaged)?;
            let mut groups = vec![0; usize::try_from(groups_len).map_err(|_| damaged())?];
            file.read_exact_at(&mut groups, groups_at)?;
            if crc32fast::hash(&groups) != groups_crc {
                return Err(damaged());
            }
            let pair = |bytes: &[u8]| Some((Reader(bytes).u32()?, Reader(&bytes[4..]).u32()?));
            Ok(Self {
                number,
                tier: tier as usize,
                window,
                bytes,
                path: path.clone(),
                file,
                index_at,
                series_count: series_count as usize,
                groups: groups.chunks_exact(GROUP_LEN).filter_map(pair).collect(),
            })
        };
        open().map_err(|source| ReadError::Read { path: path.clone(), source })
    }

    /// Whether its window has seconds of `from..until`.
    pub(super) fn overlaps(&self, from: i64, until: i64) -> bool {
        self.window < until && from < self.window + TIERS[self.tier].window_secs
    }

    /// The buckets of a series: none when it isn't there.
    pub(super) fn buckets(&self, number: u32, needs: Needs) -> Result<Vec<Bucket>, ReadError> {
        let group = self.groups.partition_point(|(first, _)| *first <= number);
        let Some(group) = group.checked_sub(1) else { return Ok(Vec::new()) };
        let read = || {
            let entries = self.group(group)?;
            match entries.binary_search_by_key(&number, |entry| entry.number) {
                Ok(place) => self.block(&entries[place], needs),
                Err(_) => Ok(Vec::new()),
            }
        };
        read().map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> ReadError {
        ReadError::Read { path: self.path.clone(), source }
    }

    fn group(&self, group: usize) -> io::Result<Vec<Entry>> {
        let first = group * GROUP;
        let count = GROUP.min(self.series_count - first);
        let mut bytes = vec![0; count * ENTRY_LEN];
        self.file.read_exact_at(&mut bytes, self.index_at + (first * ENTRY_LEN) as u64)?;
        if crc32fast::hash(&bytes) != self.groups[group].1 {
            return Err(damaged());
        }
        Ok(bytes.chunks_exact(ENTRY_LEN).filter_map(Entry::read).collect())
    }

    fn block(&self, entry: &Entry, needs: Needs) -> io::Result<Vec<Bucket>> {
        let mut bytes = vec![0; entry.length as usize];
        self.file.read_exact_at(&mut bytes, entry.at)?;
        if crc32fast::hash(&bytes) != entry.crc {
            return Err(damaged());
        }
        block::decode(&bytes, TIERS[self.tier].bucket_secs, needs).ok_or_else(damaged)
    }

    /// Every series with its buckets, by their numbers.
    pub(super) fn all(&self) -> Iter<'_> {
        Iter { segment: self, group: 0, entries: Vec::new().into_iter() }
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "stored metrics are damaged")
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u32,
    length: u32,
    at: u64,
    crc: u32,
}

impl Entry {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        Some(Self { number: reader.u32()?, length: reader.u32()?, at: reader.u64()?, crc: reader.u32()? })
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&self.at.to_le_bytes());
        out.extend_from_slice(&self.crc.to_le_bytes());
    }
}

pub(super) struct Iter<'a> {
    segment: &'a Segment,
    group: usize,
    entries: std::vec::IntoIter<Entry>,
}

impl Iterator for Iter<'_> {
    type Item = Result<(u32, Vec<Bucket>), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = loop {
            if let Some(entry) = self.entries.next() {
                break entry;
            }
            if self.group == self.segment.groups.len() {
                return None;
            }
            match self.segment.group(self.group) {
                Ok(entries) => self.entries = entries.into_iter(),
                Err(source) => {
                    self.group = self.segment.groups.len();
                    return Some(Err(self.segment.error(source)));
                }
            }
            self.group += 1;
        };
        let buckets = self.segment.block(&entry, Needs::All).map_err(|source| self.segment.error(source));
        Some(buckets.map(|buckets| (entry.number, buckets)))
    }
}

/// Writes a segment. What is given up half-way is deleted at the next start.
pub(super) struct Builder {
    number: u64,
    tier: usize,
    window: i64,
    out: BufWriter<File>,
    at: u64,
    entries: Vec<Entry>,
}

impl Builder {
    pub(super) fn create(dir: &Path, number: u64, tier: usize, window: i64) -> io::Result<Self> {
        let file = File::options().write(true).create_new(true).open(path(dir, number))?;
        let out = BufWriter::with_capacity(1 << 18, file);
        Ok(Self { number, tier, window, out, at: 0, entries: Vec::new() })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Numbers must ascend.
    pub(super) fn add(&mut self, number: u32, buckets: &[Bucket]) -> io::Result<()> {
        assert!(self.entries.last().is_none_or(|last| last.number < number), "series come by their numbers");
        let bytes = block::encode(buckets, TIERS[self.tier].bucket_secs);
        let length = u32::try_from(bytes.len()).map_err(|_| damaged())?;
        self.entries.push(Entry { number, length, at: self.at, crc: crc32fast::hash(&bytes) });
        self.at += u64::from(length);
        self.out.write_all(&bytes)
    }

    /// Flushes it, and opens it.
    pub(super) fn finish(mut self, dir: &Path) -> Result<Segment, ReadError> {
        let mut write = || -> io::Result<()> {
            let (mut index, mut groups) = (Vec::new(), Vec::new());
            for group in self.entries.chunks(GROUP) {
                let begin = index.len();
                group.iter().for_each(|entry| entry.put(&mut index));
                groups.extend_from_slice(&group[0].number.to_le_bytes());
                groups.extend_from_slice(&crc32fast::hash(&index[begin..]).to_le_bytes());
            }
            let mut footer = Vec::with_capacity(FOOTER_LEN);
            footer.extend_from_slice(&MAGIC.to_le_bytes());
            footer.extend_from_slice(&[0; 4]);
            for field in [self.tier as u64, self.window.cast_unsigned(), self.at, self.entries.len() as u64] {
                footer.extend_from_slice(&field.to_le_bytes());
            }
            footer.extend_from_slice(&crc32fast::hash(&groups).to_le_bytes());
            footer.resize(FOOTER_LEN, 0);
            let crc = crc32fast::hash(&footer[8..]);
            footer[4..8].copy_from_slice(&crc.to_le_bytes());
            for part in [index, groups, footer] {
                self.out.write_all(&part)?;
            }
            self.out.flush()?;
            self.out.get_ref().sync_all()
        };
        let number = self.number;
        write().map_err(|source| ReadError::Read { path: path(dir, number), source })?;
        Segment::open(dir, number)
    }
}
