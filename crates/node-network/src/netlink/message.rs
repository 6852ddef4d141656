//! Building and reading netlink messages.

use std::net::{IpAddr, Ipv4Addr};

/// The kernel's error numbers that callers tolerate.
pub mod errno {
    pub const NO_ENTRY: i32 = 2;
    pub const NO_PROCESS: i32 = 3;
    pub const EXISTS: i32 = 17;
    pub const NO_DEVICE: i32 = 19;
    pub const ADDRESS_NOT_AVAILABLE: i32 = 99;
}

pub const FLAG_REQUEST: u16 = 0x1;
pub const FLAG_ACK: u16 = 0x4;
pub const FLAG_DUMP: u16 = 0x300;
pub const FLAG_REPLACE: u16 = 0x100;
pub const FLAG_EXCLUSIVE: u16 = 0x200;
pub const FLAG_CREATE: u16 = 0x400;

pub const HEADER_LENGTH: usize = 16;
const ATTRIBUTE_HEADER_LENGTH: usize = 4;
const NESTED: u16 = 0x8000;

/// Several requests that go to the kernel in one system call and are acknowledged one by one.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) requests: Vec<Request>,
}

#[derive(Debug)]
pub(super) struct Request {
    pub start: usize,
    pub what: &'static str,
    pub tolerated: &'static [i32],
}

impl Batch {
    /// Adds one message: its kind and flags, the fixed header of its family, then attributes.
    pub fn message(
        &mut self,
        what: &'static str,
        kind: u16,
        flags: u16,
        header: &[u8],
        attributes: impl FnOnce(&mut Attributes<'_>),
    ) -> &mut Self {
        let start = self.bytes.len();
        self.requests.push(Request { start, what, tolerated: &[] });
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&(flags | FLAG_REQUEST).to_ne_bytes());
        self.bytes.extend_from_slice(&[0; 8]);
        self.bytes.extend_from_slice(header);
        pad(&mut self.bytes);
        attributes(&mut Attributes { bytes: &mut self.bytes });
        let length = u32::try_from(self.bytes.len() - start).unwrap_or(u32::MAX);
        self.bytes[start..start + 4].copy_from_slice(&length.to_ne_bytes());
        self
    }

    /// Lets the last message fail with one of `errors`: the wanted state holds already.
    pub fn tolerating(&mut self, errors: &'static [i32]) -> &mut Self {
        if let Some(request) = self.requests.last_mut() {
            request.tolerated = errors;
        }
        self
    }

    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }
}

/// Writes attributes behind a message's header.
#[derive(Debug)]
pub struct Attributes<'a> {
    bytes: &'a mut Vec<u8>,
}

impl Attributes<'_> {
    pub fn bytes(&mut self, kind: u16, value: &[u8]) {
        let length = u16::try_from(ATTRIBUTE_HEADER_LENGTH + value.len()).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value);
        pad(self.bytes);
    }

    pub fn u32(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_ne_bytes());
    }

    pub fn text(&mut self, kind: u16, value: &str) {
        let mut bytes = Vec::with_capacity(value.len() + 1);
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(0);
        self.bytes(kind, &bytes);
    }

    pub fn address(&mut self, kind: u16, value: impl Into<IpAddr>) {
        match value.into() {
            IpAddr::V4(address) => self.bytes(kind, &address.octets()),
            IpAddr::V6(address) => self.bytes(kind, &address.octets()),
        }
    }

    pub fn nested(&mut self, kind: u16, inner: impl FnOnce(&mut Attributes<'_>)) {
        self.nested_with_header(kind, &[], inner);
    }

    /// A nested attribute that begins with a fixed header, as the peer of a veth does.
    pub fn nested_with_header(&mut self, kind: u16, header: &[u8], inner: impl FnOnce(&mut Attributes<'_>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(&(kind | NESTED).to_ne_bytes());
        self.bytes.extend_from_slice(header);
        pad(self.bytes);
        inner(&mut Attributes { bytes: self.bytes });
        let length = u16::try_from(self.bytes.len() - start).unwrap_or(u16::MAX);
        self.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    }
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// The attributes in `bytes`; a malformed rest ends the iteration.
pub fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes([*rest.first()?, *rest.get(1)?]));
        let kind = u16::from_ne_bytes([*rest.get(2)?, *rest.get(3)?]);
        let value = rest.get(ATTRIBUTE_HEADER_LENGTH..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind & !NESTED, value))
    })
}

pub fn read_u32(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?))
}

pub fn read_u64(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(..8)?.try_into().ok()?))
}

pub fn read_address(bytes: &[u8]) -> Option<Ipv4Addr> {
    Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(..4)?).ok()?))
}

/// An address of the family that its length tells.
pub fn read_ip(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        16 => Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => read_address(bytes).map(IpAddr::V4),
    }
}

const FAMILY_IPV4: u8 = 2;
const FAMILY_IPV6: u8 = 10;

/// The number of an address's family in the headers of messages.
pub fn family_of(address: IpAddr) -> u8 {
    if address.is_ipv4() { FAMILY_IPV4 } else { FAMILY_IPV6 }
}

/// No address, of the family with this number.
pub fn unspecified(family: u8) -> Option<IpAddr> {
    match family {
        FAMILY_IPV4 => Some(Ipv4Addr::UNSPECIFIED.into()),
        FAMILY_IPV6 => Some(std::net::Ipv6Addr::UNSPECIFIED.into()),
        _ => None,
    }
}

pub fn read_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_written_and_read_alike() {
        let mut batch = Batch::default();
        batch.message("test", 16, 0, &[0; 16], |attributes| {
            attributes.text(3, "eth1");
            attributes.nested(18, |inner| inner.u32(1, 7));
        });
        let length = read_u32(&batch.bytes).unwrap();
        assert_eq!(usize::try_from(length).unwrap(), batch.bytes.len());
        let read: Vec<_> = attributes(&batch.bytes[HEADER_LENGTH + 16..]).collect();
        assert_eq!(read[0], (3, &b"eth1\0"[..]));
        assert_eq!(read[1].0, 18);
        assert_eq!(attributes(read[1].1).next(), Some((1, &7_u32.to_ne_bytes()[..])));
    }

    #[test]
    fn truncated_attributes_end_the_list() {
        assert_eq!(attributes(&[8, 0, 1]).count(), 0);
        assert_eq!(attributes(&[200, 0, 1, 0, 1, 2]).count(), 0);
        assert_eq!(attributes(&[2, 0, 1, 0]).count(), 0);
    }
}
