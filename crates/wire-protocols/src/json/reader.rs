//! A shape from JSON text.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use wire_schema::{
    DecodeError, Document, Instant, Location, MemberSchema, Members, ShapeReader, StructureSchema,
    TimestampFormat,
};

use super::scanner::Scanner;
use crate::limits::LIST_ELEMENTS_MAX;
use crate::{member_index, time};

pub struct JsonReader<'a> {
    scanner: Scanner<'a>,
    /// The next structure is a REST message, of which only some members are in the body.
    only_body: bool,
}

impl<'a> JsonReader<'a> {
    pub fn new(body: &'a [u8]) -> Result<Self, DecodeError> {
        Ok(Self { scanner: Scanner::new(body)?, only_body: false })
    }

    /// Reads a whole body: an object and nothing after it. An empty body is an empty object, as AWS takes it.
    pub fn read_body(body: &'a [u8], into: &mut dyn Members, only_body: bool) -> Result<(), DecodeError> {
        if body.is_empty() {
            return Ok(());
        }
        let mut reader = Self { only_body, ..Self::new(body)? };
        reader.structure(into.structure_schema(), into)?;
        reader.scanner.end()
    }

    fn mismatch(&mut self, wanted: &str) -> DecodeError {
        let found = match self.scanner.peek() {
            b'"' => "STRING_VALUE",
            b't' => "TRUE_VALUE",
            b'f' => "FALSE_VALUE",
            b'-' | b'0'..=b'9' => "NUMBER_VALUE",
            b'{' => return DecodeError::wrong_type("Start of structure or map found where not expected."),
            b'[' => return DecodeError::wrong_type("Start of list found where not expected"),
            _ => return self.scanner.unexpected(),
        };
        DecodeError::wrong_type(format!("{found} can not be converted to {wanted}"))
    }

    fn is_number(&mut self) -> bool {
        matches!(self.scanner.peek(), b'-' | b'0'..=b'9')
    }

    fn number(&mut self, wanted: &str) -> Result<f64, DecodeError> {
        match self.scanner.peek() {
            b'-' | b'0'..=b'9' => {
                let (text, _) = self.scanner.number()?;
                text.parse().map_err(|_| DecodeError::range("A number is out of range"))
            }
            b'"' => match &*self.scanner.string()? {
                "NaN" => Ok(f64::NAN),
                "Infinity" => Ok(f64::INFINITY),
                "-Infinity" => Ok(f64::NEG_INFINITY),
                _ => Err(DecodeError::wrong_type(format!("STRING_VALUE can not be converted to {wanted}"))),
            },
            _ => Err(self.mismatch(wanted)),
        }
    }

    fn whole_number(&mut self, wanted: &str) -> Result<i64, DecodeError> {
        if !self.is_number() {
            return Err(self.mismatch(wanted));
        }
        let (text, integral) = self.scanner.number()?;
        if integral {
            return text.parse().map_err(|_| out_of_range(text, wanted));
        }
        // `1e3` and `2.0` are whole numbers in another spelling; `2.5` is not one.
        let value: f64 = text.parse().map_err(|_| out_of_range(text, wanted))?;
        if value.fract() != 0.0 {
            return Err(DecodeError::wrong_type(format!("{text} can not be converted to {wanted}")));
        }
        if value.abs() >= 9.0e15 {
            return Err(out_of_range(text, wanted));
        }
        Ok(value as i64)
    }

    fn read_document(&mut self) -> Result<Document, DecodeError> {
        Ok(match self.scanner.peek() {
            b'n' => self.scanner.word("null").map(|()| Document::Null)?,
            b't' => self.scanner.word("true").map(|()| Document::Boolean(true))?,
            b'f' => self.scanner.word("false").map(|()| Document::Boolean(false))?,
            b'"' => Document::String(self.scanner.string()?.into_owned()),
            b'[' => {
                let mut values = Vec::new();
                self.scanner.enter()?;
                let mut more = !self.scanner.accept(b']');
                while more {
                    check_length(values.len())?;
                    values.push(self.read_document()?);
                    more = self.scanner.more(b']')?;
                }
                self.scanner.leave();
                Document::List(values)
            }
            b'{' => {
                let mut entries = BTreeMap::new();
                self.scanner.enter()?;
                let mut more = !self.scanner.accept(b'}');
                while more {
                    check_length(entries.len())?;
                    let key = self.scanner.string()?.into_owned();
                    self.scanner.expect(b':')?;
                    entries.insert(key, self.read_document()?);
                    more = self.scanner.more(b'}')?;
                }
                self.scanner.leave();
                Document::Object(entries)
            }
            _ => {
                let (text, integral) = self.scanner.number()?;
                match text.parse() {
                    Ok(value) if integral => Document::Integer(value),
                    _ => Document::Double(
                        text.parse().map_err(|_| DecodeError::range("A number is out of range"))?,
                    ),
                }
            }
        })
    }
}

fn check_length(length: usize) -> Result<(), DecodeError> {
    if length < LIST_ELEMENTS_MAX {
        return Ok(());
    }
    Err(DecodeError::limit(format!("A list or map has more than {LIST_ELEMENTS_MAX} elements")))
}

fn out_of_range(text: &str, wanted: &str) -> DecodeError {
    DecodeError::range(format!("{text} is out of range for {wanted}"))
}

impl ShapeReader for JsonReader<'_> {
    fn structure(
        &mut self,
        schema: &'static StructureSchema,
        into: &mut dyn Members,
    ) -> Result<(), DecodeError> {
        if self.scanner.peek() != b'{' {
            return Err(self.mismatch("a structure"));
        }
        let only_body = std::mem::take(&mut self.only_body);
        self.scanner.enter()?;
        let mut more = !self.scanner.accept(b'}');
        let mut hint = 0;
        while more {
            if self.scanner.peek() != b'"' {
                return Err(self.scanner.unexpected());
            }
            let name = self.scanner.string()?;
            self.scanner.expect(b':')?;
            let index = member_index::find(schema, name.as_bytes(), hint)
                .filter(|index| !only_body || schema.members[*index].location == Location::Body);
            match index {
                Some(index) if self.scanner.peek() != b'n' => {
                    into.read_member(index, self)?;
                    hint = index + 1;
                }
                _ => self.scanner.skip()?,
            }
            more = self.scanner.more(b'}')?;
        }
        self.scanner.leave();
        Ok(())
    }

    fn list(
        &mut self,
        _member: &'static MemberSchema,
        each: &mut dyn FnMut(&mut dyn ShapeReader) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if self.scanner.peek() != b'[' {
            return Err(self.mismatch("a list"));
        }
        self.scanner.enter()?;
        let mut more = !self.scanner.accept(b']');
        let mut length = 0;
        while more {
            check_length(length)?;
            length += 1;
            // No list that we know keeps its nulls.
            if self.scanner.peek() == b'n' {
                self.scanner.word("null")?
            } else {
                each(self)?
            }
            more = self.scanner.more(b']')?;
        }
        self.scanner.leave();
        Ok(())
    }

    fn map(
        &mut self,
        _member: &'static MemberSchema,
        each: &mut dyn FnMut(&mut dyn ShapeReader, String) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if self.scanner.peek() != b'{' {
            return Err(self.mismatch("a map"));
        }
        self.scanner.enter()?;
        let mut more = !self.scanner.accept(b'}');
        let mut length = 0;
        while more {
            check_length(length)?;
            length += 1;
            if self.scanner.peek() != b'"' {
                return Err(self.scanner.unexpected());
            }
            let key = self.scanner.string()?.into_owned();
            self.scanner.expect(b':')?;
            if self.scanner.peek() == b'n' {
                self.scanner.word("null")?
            } else {
                each(self, key)?
            }
            more = self.scanner.more(b'}')?;
        }
        self.scanner.leave();
        Ok(())
    }

    fn boolean(&mut self, _member: &'static MemberSchema) -> Result<bool, DecodeError> {
        match self.scanner.peek() {
            b't' => self.scanner.word("true").map(|()| true),
            b'f' => self.scanner.word("false").map(|()| false),
            _ => Err(self.mismatch("Boolean")),
        }
    }

    fn integer(&mut self, _member: &'static MemberSchema) -> Result<i32, DecodeError> {
        let value = self.whole_number("an Integer")?;
        i32::try_from(value).map_err(|_| out_of_range(&value.to_string(), "an Integer"))
    }

    fn long(&mut self, _member: &'static MemberSchema) -> Result<i64, DecodeError> {
        self.whole_number("a Long")
    }

    fn float(&mut self, _member: &'static MemberSchema) -> Result<f32, DecodeError> {
        self.number("a Float").map(|value| value as f32)
    }

    fn double(&mut self, _member: &'static MemberSchema) -> Result<f64, DecodeError> {
        self.number("a Double")
    }

    fn string(&mut self, _member: &'static MemberSchema) -> Result<String, DecodeError> {
        if self.scanner.peek() != b'"' {
            return Err(self.mismatch("a String"));
        }
        self.scanner.string().map(|text| text.into_owned())
    }

    fn blob(&mut self, _member: &'static MemberSchema) -> Result<Bytes, DecodeError> {
        if self.scanner.peek() != b'"' {
            return Err(self.mismatch("a Blob"));
        }
        let text = self.scanner.string()?;
        let bytes = STANDARD.decode(text.as_bytes());
        bytes.map(Bytes::from).map_err(|_| DecodeError::wrong_type("A blob is not valid base64"))
    }

    fn timestamp(&mut self, member: &'static MemberSchema) -> Result<Instant, DecodeError> {
        const WANTED: &str = "milliseconds since epoch";
        let at = match (member.timestamp_format, self.scanner.peek()) {
            (None | Some(TimestampFormat::EpochSeconds), b'-' | b'0'..=b'9') => {
                time::from_epoch_seconds(self.number(WANTED)?)
            }
            (Some(TimestampFormat::DateTime), b'"') => time::parse_date_time(&self.scanner.string()?),
            (Some(TimestampFormat::HttpDate), b'"') => time::parse_http_date(&self.scanner.string()?),
            _ => return Err(self.mismatch(WANTED)),
        };
        at.ok_or_else(|| DecodeError::range("A timestamp is out of range"))
    }

    fn document(&mut self, _member: &'static MemberSchema) -> Result<Document, DecodeError> {
        self.read_document()
    }
}
