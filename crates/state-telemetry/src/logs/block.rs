//! The unit on disk: a header with a checksum of its own, then a body with another.
//!
//! A block of events holds one stream's events in order. Its body begins with the messages, end to end, so
//! that a search runs over them without touching anything else; columns of 32-bit numbers follow.

use super::error::ReadError;

pub(super) const HEADER_LEN: usize = 64;
const MAGIC: u32 = 0x3142_474e;

/// More blocks of the same group follow: only a complete group counts.
pub(super) const FLAG_MORE: u8 = 1;
/// A column of ingestion times is there; otherwise all events have the header's.
pub(super) const FLAG_INGESTION: u8 = 2;
/// A column of sequences is there; otherwise they count up from the header's.
pub(super) const FLAG_SEQUENCE: u8 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The body is the key of stream `number`.
    DefineStream = 1,
    /// The body is the key of source `number`.
    DefineSource = 2,
    Events = 3,
    /// Source `number` was read up to segment `time_min`, offset `time_max`.
    Position = 4,
    /// Events of stream `number` before `time_min` are gone.
    Expire = 5,
    DeleteStream = 6,
    ForgetSource = 7,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        use Kind::{DefineSource, DefineStream, DeleteStream, Events, Expire, ForgetSource, Position};
        [DefineStream, DefineSource, Events, Position, Expire, DeleteStream, ForgetSource]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub kind: Kind,
    pub flags: u8,
    /// Of the stream or the source.
    pub number: u32,
    pub body_len: u32,
    pub body_crc: u32,
    pub count: u32,
    pub messages_len: u32,
    pub time_min: i64,
    pub time_max: i64,
    /// The earliest ingestion time.
    pub ingestion: i64,
    /// The lowest sequence.
    pub sequence: u64,
}

impl Header {
    /// A block that has no events.
    pub(super) fn control(kind: Kind, number: u32, body: &[u8]) -> Self {
        Header {
            kind,
            flags: 0,
            number,
            body_len: u32::try_from(body.len()).expect("keys are short"),
            body_crc: crc32fast::hash(body),
            count: 0,
            messages_len: 0,
            time_min: 0,
            time_max: 0,
            ingestion: 0,
            sequence: 0,
        }
    }

    pub(super) fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        bytes[8] = self.kind as u8;
        bytes[9] = self.flags;
        bytes[12..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.body_len.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.body_crc.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.count.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.messages_len.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.time_min.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.time_max.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.ingestion.to_le_bytes());
        bytes[56..64].copy_from_slice(&self.sequence.to_le_bytes());
        let crc = crc32fast::hash(&bytes[8..]);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// `None` for bytes that are no whole header.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEADER_LEN] = bytes.get(..HEADER_LEN)?.try_into().ok()?;
        if u32_at(bytes, 0) != MAGIC || u32_at(bytes, 4) != crc32fast::hash(&bytes[8..]) {
            return None;
        }
        let header = Header {
            kind: Kind::from_byte(bytes[8])?,
            flags: bytes[9],
            number: u32_at(bytes, 12),
            body_len: u32_at(bytes, 16),
            body_crc: u32_at(bytes, 20),
            count: u32_at(bytes, 24),
            messages_len: u32_at(bytes, 28),
            time_min: i64_at(bytes, 32),
            time_max: i64_at(bytes, 40),
            ingestion: i64_at(bytes, 48),
            sequence: i64_at(bytes, 56).cast_unsigned(),
        };
        let columns =
            2 + u64::from(header.flags & FLAG_INGESTION != 0) + u64::from(header.flags & FLAG_SEQUENCE != 0);
        let events_len = u64::from(header.messages_len) + 4 * columns * u64::from(header.count);
        let fits = header.kind != Kind::Events || u64::from(header.body_len) == events_len;
        fits.then_some(header)
    }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(super) fn i64_at(bytes: &[u8], at: usize) -> i64 {
    i64::from(u32_at(bytes, at)) | (i64::from(u32_at(bytes, at + 4).cast_signed()) << 32)
}

/// Where a block of events lies, and enough to decide whether to read it. Kept in memory for every block.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockRef {
    /// Of the header.
    pub offset: u64,
    pub time_min: i64,
    pub time_max: i64,
    pub body_len: u32,
    pub messages_len: u32,
    pub count: u32,
}

impl BlockRef {
    pub(super) fn new(offset: u64, header: &Header) -> Self {
        BlockRef {
            offset,
            time_min: header.time_min,
            time_max: header.time_max,
            body_len: header.body_len,
            messages_len: header.messages_len,
            count: header.count,
        }
    }

    pub(super) fn len(&self) -> usize {
        HEADER_LEN + self.body_len as usize
    }
}

/// A whole block in memory, checked.
pub(super) struct Block<'a> {
    pub header: Header,
    pub messages: &'a [u8],
    columns: &'a [u8],
}

impl<'a> Block<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let header = Header::decode(bytes).ok_or(ReadError::Damaged)?;
        let body = bytes.get(HEADER_LEN..HEADER_LEN + header.body_len as usize).ok_or(ReadError::Damaged)?;
        if header.kind != Kind::Events || crc32fast::hash(body) != header.body_crc {
            return Err(ReadError::Damaged);
        }
        let (messages, columns) = body.split_at(header.messages_len as usize);
        Ok(Block { header, messages, columns })
    }

    /// Of bytes that [`Block::parse`] accepted before.
    pub(super) fn parse_checked(bytes: &'a [u8]) -> Self {
        let header = Header::decode(bytes).expect("the block was checked when it was read");
        let body = &bytes[HEADER_LEN..HEADER_LEN + header.body_len as usize];
        let (messages, columns) = body.split_at(header.messages_len as usize);
        Block { header, messages, columns }
    }

    pub(super) fn from_parts(header: Header, messages: &'a [u8], columns: &'a [u8]) -> Self {
        Block { header, messages, columns }
    }

    pub(super) fn len(&self) -> usize {
        self.header.count as usize
    }

    fn column(&self, column: usize, index: usize) -> u32 {
        u32_at(self.columns, 4 * (column * self.len() + index))
    }

    fn end(&self, index: usize) -> usize {
        self.column(0, index) as usize
    }

    pub(super) fn start_of(&self, index: usize) -> usize {
        if index == 0 { 0 } else { self.end(index - 1) }
    }

    pub(super) fn message(&self, index: usize) -> &'a [u8] {
        self.messages.get(self.start_of(index)..self.end(index)).unwrap_or_default()
    }

    pub(super) fn message_end(&self, index: usize) -> usize {
        self.end(index)
    }

    pub(super) fn timestamp(&self, index: usize) -> i64 {
        self.header.time_min + i64::from(self.column(1, index))
    }

    pub(super) fn ingestion(&self, index: usize) -> i64 {
        match self.header.flags & FLAG_INGESTION {
            0 => self.header.ingestion,
            _ => self.header.ingestion + i64::from(self.column(2, index)),
        }
    }

    pub(super) fn sequence(&self, index: usize) -> u64 {
        if self.header.flags & FLAG_SEQUENCE == 0 {
            return self.header.sequence + index as u64;
        }
        let column = if self.header.flags & FLAG_INGESTION == 0 { 2 } else { 3 };
        self.header.sequence + u64::from(self.column(column, index))
    }

    /// The event whose message holds the byte at `position` of the messages.
    pub(super) fn event_at(&self, position: usize) -> usize {
        partition_point(self.len(), |index| self.end(index) <= position)
    }

    /// The first event that has `key` or comes after it; keys are a timestamp with a sequence.
    pub(super) fn lower_bound(&self, key: (i64, u64)) -> usize {
        partition_point(self.len(), |index| (self.timestamp(index), self.sequence(index)) < key)
    }
}

fn partition_point(len: usize, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}
