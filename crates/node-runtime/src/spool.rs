//! The log spool: framed records in segment files of the task's folder, written by the supervisor alone and
//! read by
//! whoever ships the logs, at its own pace and across its own restarts.
//!
//! A record is `[u32 length of the rest][u64 unix milliseconds][u8 container][u8 stream][u8
//! flags][payload]`, little
//! endian. A segment file is named after the stream offset of its first byte, so one number is a position.

use serde::{Deserialize, Serialize};

mod reader;
mod writer;

pub use reader::{Batch, Reader};
pub use writer::{Admission, Writer};

/// Standard output and standard error, as numbered in records.
pub const STDOUT: u8 = 1;
pub const STDERR: u8 = 2;

/// The line goes on in the next record of the same stream.
pub const FLAG_PARTIAL: u8 = 1;
/// The stream has ended; the payload is empty.
pub const FLAG_END: u8 = 2;
/// Lines were dropped here; the payload is their number as a little-endian u64.
pub const FLAG_DROPPED: u8 = 4;

/// Bytes of a record before its payload.
pub(crate) const HEADER_BYTES: usize = 15;

/// A place in the stream of records: bytes since the task began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub at_ms: u64,
    /// Index of the container in the task's specification.
    pub container: u8,
    pub stream: u8,
    pub flags: u8,
    /// The line without its newline.
    pub payload: &'a [u8],
}

impl Record<'_> {
    pub fn encode(&self, into: &mut Vec<u8>) {
        let length = u32::try_from(HEADER_BYTES - 4 + self.payload.len()).unwrap_or(u32::MAX);
        into.extend_from_slice(&length.to_le_bytes());
        into.extend_from_slice(&self.at_ms.to_le_bytes());
        into.extend_from_slice(&[self.container, self.stream, self.flags]);
        into.extend_from_slice(self.payload);
    }
}

/// The first record of `bytes` and its length, or none when it is not complete yet.
pub fn decode(bytes: &[u8]) -> Option<(Record<'_>, usize)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let end = u32::from_le_bytes(*length) as usize;
    let body = rest.get(..end)?;
    let (at_ms, body) = body.split_first_chunk::<8>()?;
    let (&[container, stream, flags], payload) = body.split_first_chunk::<3>()?;
    Some((Record { at_ms: u64::from_le_bytes(*at_ms), container, stream, flags, payload }, end + 4))
}

pub(crate) fn segment_name(start: u64) -> String {
    format!("{start:016x}.segment")
}

pub(crate) fn segment_start(name: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_suffix(".segment")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(writer: &mut Writer, container: u8, text: &str) {
        writer.append(Record { at_ms: 7, container, stream: STDOUT, flags: 0, payload: text.as_bytes() });
    }

    fn lines(reader: &mut Reader) -> Vec<String> {
        let batch = reader.read(1 << 20).expect("the spool can be read");
        batch.records().map(|record| String::from_utf8_lossy(record.payload).into_owned()).collect()
    }

    #[test]
    fn what_is_written_is_read_once_and_survives_a_new_reader() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut writer = Writer::create(folder.path(), &[]).expect("a new spool");
        write(&mut writer, 0, "one");
        write(&mut writer, 1, "two");
        let mut reader = Reader::open(folder.path()).expect("the spool opens");
        assert!(lines(&mut reader).is_empty(), "nothing is visible before the flush");
        writer.flush().expect("the spool can be written");
        assert_eq!(lines(&mut reader), ["one", "two"]);
        assert!(lines(&mut reader).is_empty());
        reader.acknowledge(reader.position()).expect("the position can be kept");
        write(&mut writer, 0, "three");
        writer.flush().expect("the spool can be written");
        assert_eq!(lines(&mut Reader::open(folder.path()).expect("the spool opens")), ["three"]);
    }

    #[test]
    fn segments_rotate_and_are_deleted_when_acknowledged() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut writer = Writer::create(folder.path(), &[]).expect("a new spool");
        let long = "x".repeat(200_000);
        let mut reader = Reader::open(folder.path()).expect("the spool opens");
        let mut count = 0;
        for _ in 0..100 {
            write(&mut writer, 0, &long);
            writer.flush().expect("the spool can be written");
            count += lines(&mut reader).len();
        }
        assert_eq!(count, 100);
        assert_eq!(reader.position(), writer.position());
        let files = || std::fs::read_dir(folder.path()).expect("the folder is there").count();
        assert_eq!(files(), 3);
        reader.acknowledge(reader.position()).expect("the position can be kept");
        assert_eq!(files(), 2, "the last segment and the acknowledged position");
    }

    #[test]
    fn a_torn_record_is_not_read() {
        let mut bytes = Vec::new();
        Record { at_ms: 1, container: 2, stream: STDERR, flags: FLAG_PARTIAL, payload: b"hello" }
            .encode(&mut bytes);
        assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
        let (record, length) = decode(&bytes).expect("a whole record");
        assert_eq!((record.payload, record.container, length), (b"hello".as_slice(), 2, bytes.len()));
    }

    #[test]
    fn a_lagging_reader_blocks_or_drops_by_the_mode_of_each_container() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut writer = Writer::create(folder.path(), &[None, Some(1000)]).expect("a new spool");
        write(&mut writer, 1, &"x".repeat(2000));
        writer.flush().expect("the spool can be written");
        assert_eq!(writer.admission(0), Admission::Accept);
        assert_eq!(writer.admission(1), Admission::Drop);
        writer.acknowledged(writer.position());
        assert_eq!(writer.admission(1), Admission::Accept);
        let megabyte = "x".repeat(1 << 20);
        for _ in 0..65 {
            write(&mut writer, 0, &megabyte);
            writer.flush().expect("the spool can be written");
        }
        assert_eq!(writer.admission(0), Admission::Wait);
        assert_eq!(writer.admission(1), Admission::Accept);
    }
}
