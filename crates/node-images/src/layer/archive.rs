//! Reads tar archives entry by entry, with the extensions that image layers use: ustar, GNU long names, pax.
//!
//! The tar crate parses header blocks. Its own entry iterator isn't used, since it holds extension blocks of
//! any size in memory and copies contents once more.

use std::io::{self, BufRead};

use tar::{EntryType, Header};

use super::LayerError;
use crate::limits::XATTR_BYTES_MAX;

const BLOCK: usize = 512;

/// Extension blocks larger than this (names, attributes) are refused.
const EXTENSION_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Directory,
    Symlink,
    HardLink,
    CharDevice { major: u32, minor: u32 },
    BlockDevice { major: u32, minor: u32 },
    Fifo,
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub path: Vec<u8>,
    /// Target of a link.
    pub link: Vec<u8>,
    pub kind: Kind,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime_seconds: i64,
    pub mtime_nanos: i64,
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What extension blocks say about the entry that follows them.
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u32>,
    gid: Option<u32>,
    mtime: Option<(i64, i64)>,
    xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

pub struct Archive<R> {
    reader: R,
    /// Content bytes of the current entry that were not read, and the padding behind them.
    unread: u64,
    padding: u64,
}

fn corrupt(what: &str) -> LayerError {
    LayerError::Corrupt(format!("archive/tar: {what}"))
}

fn read_failed(source: io::Error) -> LayerError {
    match source.kind() {
        io::ErrorKind::UnexpectedEof => corrupt("unexpected EOF"),
        _ => LayerError::Entry { path: String::from("layer"), action: "reading", source },
    }
}

impl<R: BufRead> Archive<R> {
    pub fn new(reader: R) -> Self {
        Self { reader, unread: 0, padding: 0 }
    }

    pub fn into_reader(self) -> R {
        self.reader
    }

    /// The next entry; `None` at the archive's end.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, LayerError> {
        let mut extensions = Extensions::default();
        loop {
            self.skip(self.unread + self.padding)?;
            (self.unread, self.padding) = (0, 0);
            let Some(header) = self.header()? else { return Ok(None) };
            let size = number(header.entry_size(), &header.as_old().size)?;
            match header.entry_type() {
                EntryType::GNULongName => extensions.path = Some(text_block(self.extension(size)?)),
                EntryType::GNULongLink => extensions.link = Some(text_block(self.extension(size)?)),
                EntryType::XHeader => read_pax(&self.extension(size)?, &mut extensions)?,
                EntryType::XGlobalHeader => drop(self.extension(size)?),
                _ => return self.entry(&header, size, extensions).map(Some),
            }
        }
    }

    /// The next piece of the current entry's content, at most as much as lies in the reader's buffer.
    pub fn content(&mut self) -> Result<&[u8], LayerError> {
        if self.unread == 0 {
            return Ok(&[]);
        }
        let buffer = self.reader.fill_buf().map_err(read_failed)?;
        if buffer.is_empty() {
            return Err(corrupt("unexpected EOF"));
        }
        let length = usize::try_from(self.unread).unwrap_or(usize::MAX).min(buffer.len());
        Ok(&buffer[..length])
    }

    pub fn consume(&mut self, length: usize) {
        self.reader.consume(length);
        self.unread -= length as u64;
    }

    fn entry(&mut self, header: &Header, size: u64, extensions: Extensions) -> Result<Entry, LayerError> {
        let path = extensions.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let link =
            extensions.link.unwrap_or_else(|| header.link_name_bytes().map(Into::into).unwrap_or_default());
        let kind = kind(header, &path)?;
        let size = if kind == Kind::File { extensions.size.unwrap_or(size) } else { 0 };
        self.unread = size;
        self.padding = padding_of(size);
        let id =
            |value: u64| u32::try_from(value).map_err(|_| corrupt("a user or group number is too large"));
        let (mtime_seconds, mtime_nanos) = match extensions.mtime {
            Some(mtime) => mtime,
            None => (i64::try_from(header.mtime().unwrap_or(0)).unwrap_or(0), 0),
        };
        Ok(Entry {
            path,
            link,
            kind,
            mode: number(header.mode().map(u64::from), &header.as_old().mode).map(mode_bits)?,
            uid: match extensions.uid {
                Some(uid) => uid,
                None => number(header.uid(), &header.as_old().uid).and_then(id)?,
            },
            gid: match extensions.gid {
                Some(gid) => gid,
                None => number(header.gid(), &header.as_old().gid).and_then(id)?,
            },
            mtime_seconds,
            mtime_nanos,
            xattrs: extensions.xattrs,
        })
    }

    /// The next header block; two blocks of zeros, or the data's end between entries, end the archive.
    fn header(&mut self) -> Result<Option<Header>, LayerError> {
        let mut header = Header::new_old();
        let filled = self.fill(header.as_mut_bytes())?;
        if filled == 0 || header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if filled < BLOCK {
            return Err(corrupt("unexpected EOF"));
        }
        let stored = header.cksum().map_err(|_| corrupt("invalid tar header"))?;
        let bytes = header.as_bytes();
        let sum: u32 = bytes[..148].iter().chain(&bytes[156..]).map(|byte| u32::from(*byte)).sum();
        if sum + 8 * u32::from(b' ') != stored {
            return Err(corrupt("invalid tar header"));
        }
        Ok(Some(header))
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, LayerError> {
        if size > EXTENSION_BYTES_MAX {
            return Err(corrupt("an extension block is too large"));
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        if self.fill(&mut bytes)? < bytes.len() {
            return Err(corrupt("unexpected EOF"));
        }
        self.skip(padding_of(size))?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<usize, LayerError> {
        let mut filled = 0;
        while filled < bytes.len() {
            let buffer = self.reader.fill_buf().map_err(read_failed)?;
            if buffer.is_empty() {
                break;
            }
            let length = buffer.len().min(bytes.len() - filled);
            bytes[filled..filled + length].copy_from_slice(&buffer[..length]);
            self.reader.consume(length);
            filled += length;
        }
        Ok(filled)
    }

    fn skip(&mut self, mut count: u64) -> Result<(), LayerError> {
        while count > 0 {
            let buffer = self.reader.fill_buf().map_err(read_failed)?;
            if buffer.is_empty() {
                return Err(corrupt("unexpected EOF"));
            }
            let length = usize::try_from(count).unwrap_or(usize::MAX).min(buffer.len());
            self.reader.consume(length);
            count -= length as u64;
        }
        Ok(())
    }
}

/// A numeric field; builders leave those empty that don't matter for an entry.
fn number(parsed: io::Result<u64>, field: &[u8]) -> Result<u64, LayerError> {
    match parsed {
        Ok(number) => Ok(number),
        Err(_) if field.iter().all(|byte| matches!(byte, 0 | b' ')) => Ok(0),
        Err(_) => Err(corrupt("invalid tar header")),
    }
}

fn mode_bits(mode: u64) -> u32 {
    (mode & 0o7777) as u32
}

fn padding_of(size: u64) -> u64 {
    (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64
}

fn kind(header: &Header, path: &[u8]) -> Result<Kind, LayerError> {
    let device = || {
        let number = |value: io::Result<Option<u32>>| value.ok().flatten().unwrap_or(0);
        (number(header.device_major()), number(header.device_minor()))
    };
    match header.entry_type() {
        // Archives older than the directory type mark directories by their slash.
        EntryType::Regular | EntryType::Continuous if path.ends_with(b"/") => Ok(Kind::Directory),
        EntryType::Regular | EntryType::Continuous => Ok(Kind::File),
        EntryType::Directory => Ok(Kind::Directory),
        EntryType::Symlink => Ok(Kind::Symlink),
        EntryType::Link => Ok(Kind::HardLink),
        EntryType::Fifo => Ok(Kind::Fifo),
        EntryType::Char => {
            let (major, minor) = device();
            Ok(Kind::CharDevice { major, minor })
        }
        EntryType::Block => {
            let (major, minor) = device();
            Ok(Kind::BlockDevice { major, minor })
        }
        other => Err(corrupt(&format!(
            "unhandled entry type {:?} for {}",
            char::from(other.as_byte()),
            String::from_utf8_lossy(path)
        ))),
    }
}

fn text_block(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
        bytes.truncate(end);
    }
    bytes
}

/// Records of the form `length key=value\n`.
fn read_pax(mut bytes: &[u8], extensions: &mut Extensions) -> Result<(), LayerError> {
    while !bytes.is_empty() && bytes[0] != 0 {
        let malformed = || corrupt("invalid pax record");
        let space = bytes.iter().position(|byte| *byte == b' ').ok_or_else(malformed)?;
        let length: usize = std::str::from_utf8(&bytes[..space])
            .ok()
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(malformed)?;
        if length <= space + 1 || length > bytes.len() || bytes[length - 1] != b'\n' {
            return Err(malformed());
        }
        let record = &bytes[space + 1..length - 1];
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(malformed)?;
        read_pax_record(&record[..equals], &record[equals + 1..], extensions)?;
        bytes = &bytes[length..];
    }
    Ok(())
}

fn read_pax_record(key: &[u8], value: &[u8], extensions: &mut Extensions) -> Result<(), LayerError> {
    let malformed = || corrupt("invalid pax record");
    let text = || std::str::from_utf8(value).map_err(|_| malformed());
    match key {
        b"path" => extensions.path = Some(value.to_vec()),
        b"linkpath" => extensions.link = Some(value.to_vec()),
        b"size" => extensions.size = Some(text()?.parse().map_err(|_| malformed())?),
        b"uid" => extensions.uid = Some(text()?.parse().map_err(|_| malformed())?),
        b"gid" => extensions.gid = Some(text()?.parse().map_err(|_| malformed())?),
        b"mtime" => extensions.mtime = Some(pax_time(text()?).ok_or_else(malformed)?),
        _ if key.starts_with(b"GNU.sparse.") => return Err(corrupt("sparse files are not supported")),
        _ => {
            if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                if value.len() > XATTR_BYTES_MAX {
                    return Err(corrupt("an extended attribute is too large"));
                }
                extensions.xattrs.push((name.to_vec(), value.to_vec()));
            }
        }
    }
    Ok(())
}

/// `1700000000.123456789`, possibly negative, possibly with fewer digits.
fn pax_time(text: &str) -> Option<(i64, i64)> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = seconds.parse().ok()?;
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let nanos: i64 = digits.parse().ok()?;
    if seconds.starts_with('-') && nanos > 0 {
        Some((whole - 1, 1_000_000_000 - nanos))
    } else {
        Some((whole, nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_pax_records() {
        let check = |text, expected| assert_eq!(pax_time(text), expected, "{text}");
        check("12", Some((12, 0)));
        check("12.5", Some((12, 500_000_000)));
        check("12.123456789123", Some((12, 123_456_789)));
        check("-1.25", Some((-2, 750_000_000)));
        check("x", None);
        check("1.x", None);
    }

    fn entries(bytes: &[u8]) -> Result<Vec<String>, LayerError> {
        let mut archive = Archive::new(bytes);
        let mut seen = Vec::new();
        while let Some(entry) = archive.next_entry()? {
            let path = String::from_utf8_lossy(&entry.path).into_owned();
            seen.push(format!("{path} {} {}", archive.unread, entry.xattrs.len()));
        }
        Ok(seen)
    }

    #[test]
    fn long_names_and_attributes_are_read() {
        let mut builder = tar::Builder::new(Vec::new());
        let long = format!("{}file", "directory/".repeat(30));
        let mut header = Header::new_gnu();
        header.set_size(3);
        header.set_mode(0o644);
        builder.append_data(&mut header, &long, &b"abc"[..]).expect("memory takes it");
        builder
            .append_pax_extensions([("SCHILY.xattr.user.a", &b"b"[..]), ("path", b"renamed")])
            .expect("it takes it");
        header.set_path("short").expect("a short name");
        header.set_cksum();
        builder.append(&header, &b"xyz"[..]).expect("memory takes it");
        let bytes = builder.into_inner().expect("memory takes it");
        assert_eq!(
            entries(&bytes).expect("a valid archive"),
            [format!("{long} 3 0"), String::from("renamed 3 1")]
        );
    }

    #[test]
    fn damage_is_told() {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_size(3000);
        header.set_mode(0o644);
        builder.append_data(&mut header, "file", &[7; 3000][..]).expect("memory takes it");
        let bytes = builder.into_inner().expect("memory takes it");
        assert!(entries(&bytes[..2000]).is_err(), "the content is cut");
        assert!(entries(&bytes[..100]).is_err(), "the header is cut");
        let mut flipped = bytes.clone();
        flipped[0] ^= 1;
        assert!(entries(&flipped).is_err(), "the checksum is wrong");
        assert!(entries(&[]).is_ok(), "an empty layer is an empty file for some builders");
    }
}
