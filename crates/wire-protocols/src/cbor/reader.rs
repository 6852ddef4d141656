//! A shape from CBOR.

use std::collections::BTreeMap;

use bytes::Bytes;
use wire_schema::{DecodeError, Document, Instant, MemberSchema, Members, ShapeReader, StructureSchema};

use crate::limits::{LIST_ELEMENTS_MAX, NESTING_DEPTH_MAX};
use crate::{member_index, time};

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;
const BREAK: u8 = 0xff;
const NULL: u8 = 0xf6;
const UNDEFINED: u8 = 0xf7;
/// The argument that says that a container ends with a break.
const INDEFINITE: u8 = 31;
/// The tag of seconds since the epoch.
const EPOCH_SECONDS: u64 = 1;

pub struct CborReader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

/// A container that is being read.
struct Container {
    /// Elements still to come; none when only a break ends it.
    left: Option<u64>,
    seen: usize,
}

impl<'a> CborReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    /// Reads a whole body; an empty one is an empty structure.
    pub fn read_body(body: &'a [u8], into: &mut dyn Members) -> Result<(), DecodeError> {
        if body.is_empty() {
            return Ok(());
        }
        let mut reader = Self::new(body);
        reader.structure(into.structure_schema(), into)?;
        if reader.at == body.len() {
            Ok(())
        } else {
            Err(DecodeError::syntax("The body goes on after its value"))
        }
    }

    fn peek(&self) -> Result<u8, DecodeError> {
        self.bytes.get(self.at).copied().ok_or_else(ends_early)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], DecodeError> {
        let length = usize::try_from(length).map_err(|_| ends_early())?;
        let end = self.at.checked_add(length).ok_or_else(ends_early)?;
        let slice = self.bytes.get(self.at..end).ok_or_else(ends_early)?;
        self.at = end;
        Ok(slice)
    }

    /// The major type, additional information and argument of the next item.
    fn head(&mut self) -> Result<(u8, u8, u64), DecodeError> {
        let first = self.peek()?;
        self.at += 1;
        let (major, info) = (first >> 5, first & 31);
        let argument = match info {
            0..=23 => u64::from(info),
            24..=27 => {
                let mut value = 0;
                for byte in self.take(1 << (info - 24))? {
                    value = (value << 8) | u64::from(*byte);
                }
                value
            }
            INDEFINITE if matches!(major, BYTES | TEXT | ARRAY | MAP | SIMPLE) => 0,
            _ => return Err(DecodeError::syntax("The body is not valid CBOR")),
        };
        Ok((major, info, argument))
    }

    fn open(&mut self, wanted: u8, kind: &str) -> Result<Container, DecodeError> {
        if self.peek()? >> 5 != wanted {
            return Err(DecodeError::wrong_type(format!("Expected {kind}")));
        }
        self.depth += 1;
        if self.depth > NESTING_DEPTH_MAX {
            return Err(DecodeError::limit(format!("The body nests deeper than {NESTING_DEPTH_MAX} levels")));
        }
        let (_, info, argument) = self.head()?;
        Ok(Container { left: (info != INDEFINITE).then_some(argument), seen: 0 })
    }

    /// Whether another element follows; leaves the container when none does.
    fn more(&mut self, container: &mut Container) -> Result<bool, DecodeError> {
        let more = match &mut container.left {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None if self.peek()? == BREAK => {
                self.at += 1;
                false
            }
            None => true,
        };
        if !more {
            self.depth -= 1;
            return Ok(false);
        }
        container.seen += 1;
        if container.seen > LIST_ELEMENTS_MAX {
            return Err(DecodeError::limit(format!(
                "A list or map has more than {LIST_ELEMENTS_MAX} elements"
            )));
        }
        Ok(true)
    }

    /// Takes a null when it is next.
    fn null(&mut self) -> Result<bool, DecodeError> {
        let found = matches!(self.peek()?, NULL | UNDEFINED);
        self.at += usize::from(found);
        Ok(found)
    }

    /// A byte or text string, whose pieces are joined when it comes in several.
    fn raw(&mut self, wanted: u8, kind: &str) -> Result<std::borrow::Cow<'a, [u8]>, DecodeError> {
        let (major, info, length) = self.head()?;
        if major != wanted {
            return Err(DecodeError::wrong_type(format!("Expected {kind}")));
        }
        if info != INDEFINITE {
            return self.take(length).map(std::borrow::Cow::Borrowed);
        }
        let mut joined = Vec::new();
        while self.peek()? != BREAK {
            let (major, info, length) = self.head()?;
            if major != wanted || info == INDEFINITE {
                return Err(DecodeError::syntax("The body is not valid CBOR"));
            }
            joined.extend_from_slice(self.take(length)?);
        }
        self.at += 1;
        Ok(std::borrow::Cow::Owned(joined))
    }

    fn text(&mut self) -> Result<String, DecodeError> {
        let bytes = self.raw(TEXT, "a string")?.into_owned();
        String::from_utf8(bytes).map_err(|_| DecodeError::syntax("A string is not valid UTF-8"))
    }

    fn whole_number(&mut self) -> Result<i64, DecodeError> {
        let (major, info, argument) = self.head()?;
        let value = i64::try_from(argument).map_err(|_| DecodeError::range("A number is out of range"));
        match major {
            UNSIGNED => value,
            NEGATIVE => Ok(-1 - value?),
            SIMPLE if (25..=27).contains(&info) => {
                let value = float(info, argument);
                if value.fract() == 0.0 && value.abs() < 9.0e15 {
                    return Ok(value as i64);
                }
                Err(DecodeError::wrong_type("Expected an integer"))
            }
            _ => Err(DecodeError::wrong_type("Expected an integer")),
        }
    }

    fn number(&mut self) -> Result<f64, DecodeError> {
        let (major, info, argument) = self.head()?;
        match major {
            UNSIGNED => Ok(argument as f64),
            NEGATIVE => Ok(-1.0 - argument as f64),
            SIMPLE if (25..=27).contains(&info) => Ok(float(info, argument)),
            _ => Err(DecodeError::wrong_type("Expected a number")),
        }
    }

    fn skip(&mut self) -> Result<(), DecodeError> {
        self.value().map(drop)
    }

    /// Any value; also how unknown members are stepped over.
    fn value(&mut self) -> Result<Document, DecodeError> {
        let first = self.peek()?;
        Ok(match first >> 5 {
            UNSIGNED | NEGATIVE => match self.whole_number() {
                Ok(value) => Document::Integer(value),
                Err(error) => return Err(error),
            },
            BYTES => Document::String(String::from_utf8_lossy(&self.raw(BYTES, "bytes")?).into_owned()),
            TEXT => Document::String(self.text()?),
            ARRAY => {
                let mut values = Vec::new();
                let mut container = self.open(ARRAY, "a list")?;
                while self.more(&mut container)? {
                    values.push(self.value()?);
                }
                Document::List(values)
            }
            MAP => {
                let mut entries = BTreeMap::new();
                let mut container = self.open(MAP, "a map")?;
                while self.more(&mut container)? {
                    let key = self.text()?;
                    entries.insert(key, self.value()?);
                }
                Document::Object(entries)
            }
            TAG => {
                self.depth += 1;
                if self.depth > NESTING_DEPTH_MAX {
                    return Err(DecodeError::limit(format!(
                        "The body nests deeper than {NESTING_DEPTH_MAX} levels"
                    )));
                }
                self.head()?;
                let value = self.value()?;
                self.depth -= 1;
                value
            }
            _ => match (first, self.head()?) {
                (0xf4, _) => Document::Boolean(false),
                (0xf5, _) => Document::Boolean(true),
                (NULL | UNDEFINED, _) => Document::Null,
                (_, (_, info @ 25..=27, argument)) => Document::Double(float(info, argument)),
                _ => return Err(DecodeError::syntax("The body is not valid CBOR")),
            },
        })
    }
}

fn ends_early() -> DecodeError {
    DecodeError::syntax("The body ends early")
}

fn float(info: u8, bits: u64) -> f64 {
    match info {
        25 => half(bits as u16),
        26 => f64::from(f32::from_bits(bits as u32)),
        _ => f64::from_bits(bits),
    }
}

/// A half-precision float, as RFC 8949 appendix D decodes it.
fn half(bits: u16) -> f64 {
    let exponent = i32::from((bits >> 10) & 31);
    let mantissa = f64::from(bits & 0x3ff);
    let magnitude = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

impl ShapeReader for CborReader<'_> {
    fn structure(
        &mut self,
        schema: &'static StructureSchema,
        into: &mut dyn Members,
    ) -> Result<(), DecodeError> {
        let mut container = self.open(MAP, "a structure")?;
        let mut hint = 0;
        while self.more(&mut container)? {
            let index = member_index::find(schema, &self.raw(TEXT, "a member's name")?, hint);
            match index {
                Some(index) if !self.null()? => {
                    into.read_member(index, self)?;
                    hint = index + 1;
                }
                Some(_) => {}
                None => self.skip()?,
            }
        }
        Ok(())
    }

    fn list(
        &mut self,
        _member: &'static MemberSchema,
        each: &mut dyn FnMut(&mut dyn ShapeReader) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let mut container = self.open(ARRAY, "a list")?;
        while self.more(&mut container)? {
            if !self.null()? {
                each(self)?;
            }
        }
        Ok(())
    }

    fn map(
        &mut self,
        _member: &'static MemberSchema,
        each: &mut dyn FnMut(&mut dyn ShapeReader, String) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let mut container = self.open(MAP, "a map")?;
        while self.more(&mut container)? {
            let key = self.text()?;
            if !self.null()? {
                each(self, key)?;
            }
        }
        Ok(())
    }

    fn boolean(&mut self, _member: &'static MemberSchema) -> Result<bool, DecodeError> {
        let first = self.peek()?;
        self.at += 1;
        match first {
            0xf4 => Ok(false),
            0xf5 => Ok(true),
            _ => Err(DecodeError::wrong_type("Expected a boolean")),
        }
    }

    fn integer(&mut self, _member: &'static MemberSchema) -> Result<i32, DecodeError> {
        i32::try_from(self.whole_number()?)
            .map_err(|_| DecodeError::range("A number is out of range for an integer"))
    }

    fn long(&mut self, _member: &'static MemberSchema) -> Result<i64, DecodeError> {
        self.whole_number()
    }

    fn float(&mut self, _member: &'static MemberSchema) -> Result<f32, DecodeError> {
        self.number().map(|value| value as f32)
    }

    fn double(&mut self, _member: &'static MemberSchema) -> Result<f64, DecodeError> {
        self.number()
    }

    fn string(&mut self, _member: &'static MemberSchema) -> Result<String, DecodeError> {
        self.text()
    }

    fn blob(&mut self, _member: &'static MemberSchema) -> Result<Bytes, DecodeError> {
        self.raw(BYTES, "a blob").map(|bytes| Bytes::from(bytes.into_owned()))
    }

    fn timestamp(&mut self, _member: &'static MemberSchema) -> Result<Instant, DecodeError> {
        let (major, _, tag) = self.head()?;
        if major != TAG || tag != EPOCH_SECONDS {
            return Err(DecodeError::wrong_type("Expected a timestamp"));
        }
        let seconds = self.number()?;
        time::from_epoch_seconds(seconds).ok_or_else(|| DecodeError::range("A timestamp is out of range"))
    }

    fn document(&mut self, _member: &'static MemberSchema) -> Result<Document, DecodeError> {
        self.value()
    }
}
