//! The names of the series on disk: written anew, as a whole, whenever a journal is sealed.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::bytes::{Reader, put_signed, put_varint};
use super::record::{self, Key};
use super::state::Series;

const MAGIC: u32 = 0x3144_474e;

pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("series-{number:016x}"))
}

/// All series of a state as bytes, with the next number that is free.
pub(super) fn encode(series: &[Option<Series>], count: usize) -> Vec<u8> {
    let mut body = Vec::new();
    put_varint(&mut body, series.len() as u64);
    put_varint(&mut body, count as u64);
    for (number, series) in series.iter().enumerate() {
        let Some(series) = series else { continue };
        record::put_key(&mut body, u32::try_from(number).unwrap_or(u32::MAX), &series.key);
        put_signed(&mut body, series.newest);
    }
    let mut out = MAGIC.to_le_bytes().to_vec();
    out.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    out.extend_from_slice(&body);
    out
}

pub(super) fn write(dir: &Path, number: u64, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path(dir, number))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The first number that was never given, and tells each series with its newest second.
pub(super) fn read(dir: &Path, number: u64, mut tell: impl FnMut(u32, Key, i64)) -> io::Result<usize> {
    let bytes = std::fs::read(path(dir, number))?;
    let mut reader = Reader(&bytes);
    let mut parse = || -> Option<usize> {
        let (magic, crc) = (reader.u32()?, reader.u32()?);
        if magic != MAGIC || crc != crc32fast::hash(reader.0) {
            return None;
        }
        let next = reader.length()?;
        for _ in 0..reader.length()? {
            let (number, key) = record::read_key(&mut reader)?;
            tell(number, key, reader.signed()?);
        }
        Some(next)
    };
    parse().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the names of the metrics are damaged"))
}
