//! The file that puts go to, and what is read out of it at start.
//!
//! A put is one block: a header with the length and a checksum of all that follows, then records. What a crash tears off ends
//! in a block that isn't whole.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::bytes::Reader;
use super::record::{self, Record};

const MAGIC: u32 = 0x314d_474e;
const HEADER_LEN: usize = 20;
const READ_BUFFER_BYTES: usize = 1 << 20;

pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("journal-{number:016x}"))
}

pub(super) fn create(dir: &Path, number: u64) -> io::Result<File> {
    let file = OpenOptions::new().read(true).append(true).create_new(true).open(path(dir, number))?;
    File::open(dir)?.sync_all()?;
    Ok(file)
}

pub(super) fn open(dir: &Path, number: u64) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).open(path(dir, number))
}

/// Begins a block of records whose times are near `base`. Returns where it begins, for [`end_block`].
pub(super) fn begin_block(out: &mut Vec<u8>, base: i64) -> usize {
    let begin = out.len();
    out.extend_from_slice(&[0; HEADER_LEN - 8]);
    out.extend_from_slice(&base.to_le_bytes());
    begin
}

pub(super) fn end_block(out: &mut [u8], begin: usize) -> io::Result<()> {
    let body_len = u32::try_from(out.len() - begin - HEADER_LEN)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "too many samples at once"))?;
    out[begin..begin + 4].copy_from_slice(&MAGIC.to_le_bytes());
    out[begin + 8..begin + 12].copy_from_slice(&body_len.to_le_bytes());
    let crc = crc32fast::hash(&out[begin + 8..]);
    out[begin + 4..begin + 8].copy_from_slice(&crc.to_le_bytes());
    Ok(())
}

pub(super) fn write(mut file: &File, blocks: &[u8]) -> io::Result<()> {
    file.write_all(blocks)
}

/// Tells every record of every whole block. Returns how many bytes these take: what follows is the torn end of a crash.
pub(super) fn replay(file: &File, mut tell: impl FnMut(Record)) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let mut input = BufReader::with_capacity(READ_BUFFER_BYTES, file);
    let mut whole = 0;
    let mut body = Vec::new();
    loop {
        let mut header = [0; HEADER_LEN];
        if !read_whole(&mut input, &mut header)? {
            return Ok(whole);
        }
        let mut fields = Reader(&header);
        let (magic, crc, body_len) = (fields.u32(), fields.u32(), fields.u32().unwrap_or_default());
        let base = fields.u64().unwrap_or_default().cast_signed();
        let end = whole + HEADER_LEN as u64 + u64::from(body_len);
        if magic != Some(MAGIC) || end > length {
            return Ok(whole);
        }
        body.resize(body_len as usize, 0);
        if !read_whole(&mut input, &mut body)? || crc != Some(checksum(&header, &body)) {
            return Ok(whole);
        }
        let mut records = Reader(&body);
        while !records.is_empty() {
            let damaged = || io::Error::new(io::ErrorKind::InvalidData, "a block holds what is no record");
            tell(record::read(&mut records, base).ok_or_else(damaged)?);
        }
        whole = end;
    }
}

fn checksum(header: &[u8; HEADER_LEN], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[8..]);
    hasher.update(body);
    hasher.finalize()
}

/// `false` when the file ends before.
fn read_whole(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
