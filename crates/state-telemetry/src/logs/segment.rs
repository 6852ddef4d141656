//! A sealed file: blocks per stream in order, then an index of them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::batch::Encoded;
use super::block::{BlockRef, HEADER_LEN, i64_at, u32_at};
use super::error::OpenError;

const FOOTER_LEN: usize = 24;
const ENTRY_LEN: usize = 40;
const FOOTER_MAGIC: u64 = 0x3174_6e65_6d67_6573;
const WRITE_BUFFER_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Segment {
    pub number: u64,
    pub file: Arc<File>,
    pub bytes: u64,
    /// Of the earliest and the latest event.
    pub time: (i64, i64),
    blocks: HashMap<u32, Box<[BlockRef]>>,
}

pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("segment-{number:016x}"))
}

impl Segment {
    pub(super) fn open(dir: &Path, number: u64) -> Result<Self, OpenError> {
        let path = path(dir, number);
        let damaged = |what| OpenError::Damaged { path: path.clone(), what };
        let file = File::open(&path).map_err(OpenError::at(&path))?;
        let bytes = file.metadata().map_err(OpenError::at(&path))?.len();
        let mut footer = [0; FOOTER_LEN];
        let footer_at = bytes.checked_sub(FOOTER_LEN as u64).ok_or_else(|| damaged("it is too short"))?;
        file.read_exact_at(&mut footer, footer_at).map_err(OpenError::at(&path))?;
        let index_at = i64_at(&footer, 0).cast_unsigned();
        let entries = u32_at(&footer, 8) as usize;
        let index_len = entries * ENTRY_LEN;
        if i64_at(&footer, 16).cast_unsigned() != FOOTER_MAGIC || index_at + index_len as u64 != footer_at {
            return Err(damaged("it has no index"));
        }
        let mut index = vec![0; index_len];
        file.read_exact_at(&mut index, index_at).map_err(OpenError::at(&path))?;
        if crc32fast::hash(&index) != u32_at(&footer, 12) {
            return Err(damaged("its index has another checksum"));
        }
        let mut blocks: HashMap<u32, Vec<BlockRef>> = HashMap::new();
        let mut time = (i64::MAX, i64::MIN);
        for entry in index.chunks_exact(ENTRY_LEN) {
            let block = BlockRef {
                offset: i64_at(entry, 4).cast_unsigned(),
                body_len: u32_at(entry, 12),
                messages_len: u32_at(entry, 16),
                count: u32_at(entry, 20),
                time_min: i64_at(entry, 24),
                time_max: i64_at(entry, 32),
            };
            time = (time.0.min(block.time_min), time.1.max(block.time_max));
            blocks.entry(u32_at(entry, 0)).or_default().push(block);
        }
        let blocks = blocks.into_iter().map(|(stream, list)| (stream, list.into_boxed_slice())).collect();
        Ok(Self { number, file: Arc::new(file), bytes, time, blocks })
    }

    /// In order of their events.
    pub(super) fn blocks_of(&self, stream: u32) -> &[BlockRef] {
        self.blocks.get(&stream).map_or(&[], |blocks| blocks)
    }

    pub(super) fn streams(&self) -> impl Iterator<Item = u32> {
        self.blocks.keys().copied()
    }
}

/// Writes a segment front to back. Without [`SegmentWriter::finish`] it leaves half a file, which no manifest
/// names.
pub(super) struct SegmentWriter {
    output: BufWriter<File>,
    offset: u64,
    index: Vec<u8>,
    entries: u32,
}

impl SegmentWriter {
    pub(super) fn create(dir: &Path, number: u64) -> io::Result<Self> {
        let output = BufWriter::with_capacity(WRITE_BUFFER_BYTES, File::create(path(dir, number))?);
        Ok(Self { output, offset: 0, index: Vec::new(), entries: 0 })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    pub(super) fn write(&mut self, block: &Encoded) -> io::Result<()> {
        let header = &block.header;
        self.index.extend_from_slice(&header.number.to_le_bytes());
        self.index.extend_from_slice(&self.offset.to_le_bytes());
        for value in [header.body_len, header.messages_len, header.count] {
            self.index.extend_from_slice(&value.to_le_bytes());
        }
        self.index.extend_from_slice(&header.time_min.to_le_bytes());
        self.index.extend_from_slice(&header.time_max.to_le_bytes());
        self.entries += 1;
        self.output.write_all(&header.encode())?;
        self.output.write_all(&block.messages)?;
        self.output.write_all(&block.columns)?;
        self.offset += (HEADER_LEN + block.messages.len() + block.columns.len()) as u64;
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        let mut footer = [0; FOOTER_LEN];
        footer[0..8].copy_from_slice(&self.offset.to_le_bytes());
        footer[8..12].copy_from_slice(&self.entries.to_le_bytes());
        footer[12..16].copy_from_slice(&crc32fast::hash(&self.index).to_le_bytes());
        footer[16..24].copy_from_slice(&FOOTER_MAGIC.to_le_bytes());
        self.output.write_all(&self.index)?;
        self.output.write_all(&footer)?;
        self.output.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()
    }
}
