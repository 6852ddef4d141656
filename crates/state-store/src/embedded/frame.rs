//! The form of what is on disk.
//!
//! A file begins with [`MAGIC`]. Frames follow: length of the payload (u32), CRC-32 of the payload (u32),
//! payload. A payload is a revision (u64) and operations: kind (u8), length of the key (u16), length of the
//! value (u32), for an entry of a snapshot also its two revisions, key, value. Integers are little-endian.

use bytes::Bytes;

use crate::limits::{KEY_BYTES_MAX, TRANSACTION_BYTES_MAX, TRANSACTION_OPERATIONS_MAX};
use crate::store::{Revision, Write};

pub const MAGIC: &[u8; 8] = b"NGSTATE1";
pub const HEADER_BYTES: usize = 8;
/// No frame of ours is longer: a length above it is not one.
pub const PAYLOAD_BYTES_MAX: usize =
    8 + TRANSACTION_BYTES_MAX + TRANSACTION_OPERATIONS_MAX * (OPERATION_BYTES_MAX + KEY_BYTES_MAX);
const OPERATION_BYTES_MAX: usize = 1 + 2 + 4 + 16;

const PUT: u8 = 1;
const DELETE: u8 = 2;
const ENTRY: u8 = 3;
const END: u8 = 4;

/// One operation as it is read back. Places of values are relative to the payload.
#[derive(Debug, PartialEq, Eq)]
pub enum Operation {
    Put {
        key: Bytes,
        value_at: usize,
        value_length: u32,
    },
    Delete {
        key: Bytes,
    },
    Entry {
        key: Bytes,
        create_revision: Revision,
        mod_revision: Revision,
        value_at: usize,
        value_length: u32,
    },
    /// A snapshot is whole: it holds this many entries.
    End {
        entries: u64,
    },
}

/// Builds frames one behind the other in one buffer.
#[derive(Debug, Default)]
pub struct FrameBuffer {
    pub bytes: Vec<u8>,
    frame_at: usize,
}

impl FrameBuffer {
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    pub fn begin(&mut self, revision: Revision) {
        self.frame_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEADER_BYTES]);
        self.bytes.extend_from_slice(&revision.to_le_bytes());
    }

    /// The place of the written value in the buffer; a deletion has none.
    pub fn write(&mut self, write: &Write) -> usize {
        match write {
            Write::Put { key, value } => {
                self.operation(PUT, key, value.len());
                self.tail(key, value)
            }
            Write::Delete { key } => {
                self.operation(DELETE, key, 0);
                self.tail(key, &[])
            }
        }
    }

    pub fn entry(&mut self, key: &[u8], value: &[u8], create: Revision, modified: Revision) -> usize {
        self.operation(ENTRY, key, value.len());
        self.bytes.extend_from_slice(&create.to_le_bytes());
        self.bytes.extend_from_slice(&modified.to_le_bytes());
        self.tail(key, value)
    }

    pub fn end_of_snapshot(&mut self, entries: u64) {
        self.operation(END, &[], 8);
        self.tail(&[], &entries.to_le_bytes());
    }

    pub fn finish(&mut self) {
        let payload_at = self.frame_at + HEADER_BYTES;
        let length = u32::try_from(self.bytes.len() - payload_at).expect("a frame is bounded by the limits");
        let checksum = crc32fast::hash(&self.bytes[payload_at..]);
        self.bytes[self.frame_at..self.frame_at + 4].copy_from_slice(&length.to_le_bytes());
        self.bytes[self.frame_at + 4..payload_at].copy_from_slice(&checksum.to_le_bytes());
    }

    fn operation(&mut self, kind: u8, key: &[u8], value_length: usize) {
        let key_length = u16::try_from(key.len()).expect("keys are bounded by the limits");
        let value_length = u32::try_from(value_length).expect("values are bounded by the limits");
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&key_length.to_le_bytes());
        self.bytes.extend_from_slice(&value_length.to_le_bytes());
    }

    fn tail(&mut self, key: &[u8], value: &[u8]) -> usize {
        self.bytes.extend_from_slice(key);
        let value_at = self.bytes.len();
        self.bytes.extend_from_slice(value);
        value_at
    }
}

/// Length and checksum of the payload behind a header.
pub fn parse_header(header: [u8; HEADER_BYTES]) -> (usize, u32) {
    let [a, b, c, d, e, f, g, h] = header;
    (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes([e, f, g, h]))
}

/// `None` when the bytes, whose checksum was right, are not of this form: written by something else.
pub fn parse_payload(payload: &[u8]) -> Option<(Revision, Vec<Operation>)> {
    let mut cursor = Cursor { bytes: payload, at: 0 };
    let revision = cursor.u64()?;
    let mut operations = Vec::new();
    while cursor.at < payload.len() {
        operations.push(cursor.operation()?);
    }
    Some((revision, operations))
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn operation(&mut self) -> Option<Operation> {
        let kind = self.take(1)?[0];
        let key_length = usize::from(u16::from_le_bytes(self.take(2)?.try_into().ok()?));
        let value_length = u32::from_le_bytes(self.take(4)?.try_into().ok()?);
        let revisions = if kind == ENTRY { (self.u64()?, self.u64()?) } else { (0, 0) };
        let key = Bytes::copy_from_slice(self.take(key_length)?);
        let value_at = self.at;
        let value = self.take(value_length as usize)?;
        match kind {
            PUT => Some(Operation::Put { key, value_at, value_length }),
            DELETE => Some(Operation::Delete { key }),
            ENTRY => {
                let (create_revision, mod_revision) = revisions;
                Some(Operation::Entry { key, create_revision, mod_revision, value_at, value_length })
            }
            END => Some(Operation::End { entries: u64::from_le_bytes(value.try_into().ok()?) }),
            _ => None,
        }
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_read_back_as_they_were_written() {
        let mut buffer = FrameBuffer::default();
        buffer.begin(7);
        let value_at = buffer.write(&Write::Put { key: "k".into(), value: "value".into() });
        buffer.write(&Write::Delete { key: "gone".into() });
        buffer.finish();
        assert_eq!(&buffer.bytes[value_at..value_at + 5], b"value");

        let (length, checksum) = parse_header(buffer.bytes[..HEADER_BYTES].try_into().unwrap());
        let payload = &buffer.bytes[HEADER_BYTES..];
        assert_eq!((length, checksum), (payload.len(), crc32fast::hash(payload)));
        let put = Operation::Put { key: "k".into(), value_at: value_at - HEADER_BYTES, value_length: 5 };
        let expected = vec![put, Operation::Delete { key: "gone".into() }];
        assert_eq!(parse_payload(payload), Some((7, expected)));
        for end in 9..payload.len() - 11 {
            assert_eq!(parse_payload(&payload[..end]), None, "cut at {end}");
        }
    }
}
