//! The file that appends go to, and what is read out of it at start.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, IoSlice, Read, Write};
use std::path::{Path, PathBuf};

use super::batch::Encoded;
use super::block::{FLAG_MORE, HEADER_LEN, Header, Kind};
use super::state::State;

const READ_BUFFER_BYTES: usize = 1 << 20;

pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("journal-{number:016x}"))
}

pub(super) fn create(dir: &Path, number: u64) -> io::Result<File> {
    let path = path(dir, number);
    let file = OpenOptions::new().read(true).append(true).create_new(true).open(path)?;
    File::open(dir)?.sync_all()?;
    Ok(file)
}

pub(super) fn open(dir: &Path, number: u64) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).open(path(dir, number))
}

/// Writes whole groups of blocks behind each other and flushes them.
pub(super) fn write(mut file: &File, blocks: &[Encoded]) -> io::Result<()> {
    let headers: Vec<[u8; HEADER_LEN]> = blocks.iter().map(|block| block.header.encode()).collect();
    let mut slices = Vec::with_capacity(blocks.len() * 3);
    for (header, block) in headers.iter().zip(blocks) {
        let parts = [header.as_slice(), &block.messages, &block.columns];
        slices.extend(parts.into_iter().filter(|part| !part.is_empty()).map(IoSlice::new));
    }
    let mut rest = slices.as_mut_slice();
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    file.sync_data()
}

/// Applies every complete group of the journal that `state` lists last. Returns how many bytes they take:
/// what follows is the torn end of a crash.
pub(super) fn replay(file: &File, state: &mut State) -> io::Result<u64> {
    let mut input = BufReader::with_capacity(READ_BUFFER_BYTES, file);
    let mut group: Vec<(Header, u64, Vec<u8>)> = Vec::new();
    let (mut offset, mut complete) = (0, 0);
    let mut body = Vec::new();
    loop {
        let mut bytes = [0; HEADER_LEN];
        if !read_whole(&mut input, &mut bytes)? {
            return Ok(complete);
        }
        let Some(header) = Header::decode(&bytes) else { return Ok(complete) };
        body.resize(header.body_len as usize, 0);
        if !read_whole(&mut input, &mut body)? || crc32fast::hash(&body) != header.body_crc {
            return Ok(complete);
        }
        let kept = if header.kind == Kind::Events { Vec::new() } else { body.clone() };
        group.push((header, offset, kept));
        offset += (HEADER_LEN + body.len()) as u64;
        if header.flags & FLAG_MORE == 0 {
            for (header, at, key) in group.drain(..) {
                state.apply(&header, at, &key);
            }
            complete = offset;
        }
    }
}

/// `false` when the file ends before.
fn read_whole(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
