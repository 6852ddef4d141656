//! A shape as JSON text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use wire_schema::{Document, Instant, MemberSchema, Members, ShapeWriter, TimestampFormat};

use crate::time;

pub struct JsonWriter {
    out: Vec<u8>,
    place: Place,
    /// No value was written yet in the innermost container.
    first: bool,
    outer: Vec<Place>,
}

/// Where the next value stands, which says what must be written before it.
#[derive(Clone, Copy)]
enum Place {
    Member,
    Element,
    /// [`ShapeWriter::map_key`] has written all that comes before.
    MapValue,
}

impl JsonWriter {
    /// The text of a whole body.
    pub fn write_body(shape: &dyn Members) -> Vec<u8> {
        let mut writer = Self::open();
        shape.write_members(&mut writer);
        writer.close()
    }

    /// Begins an object; members follow, then [`JsonWriter::close`].
    pub fn open() -> Self {
        let mut out = Vec::with_capacity(1024);
        out.push(b'{');
        Self { out, place: Place::Member, first: true, outer: Vec::new() }
    }

    pub fn close(mut self) -> Vec<u8> {
        self.out.push(b'}');
        self.out
    }

    /// A member that no schema describes, such as an error's `__type`.
    pub fn extra(&mut self, name: &str, value: &Document) {
        self.separate();
        write_string(&mut self.out, name);
        self.out.push(b':');
        write_document(&mut self.out, value);
    }

    fn separate(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
    }

    fn lead(&mut self, member: &MemberSchema) {
        match self.place {
            Place::MapValue => {}
            Place::Element => self.separate(),
            Place::Member => {
                self.separate();
                // Names in models are plain words: none needs an escape.
                self.out.push(b'"');
                self.out.extend_from_slice(member.wire_name.as_bytes());
                self.out.extend_from_slice(b"\":");
            }
        }
    }

    fn begin(&mut self, open: u8, place: Place) {
        self.out.push(open);
        self.outer.push(std::mem::replace(&mut self.place, place));
        self.first = true;
    }

    fn end(&mut self, close: u8) {
        self.out.push(close);
        self.place = self.outer.pop().unwrap_or(Place::Member);
        self.first = false;
    }
}

impl ShapeWriter for JsonWriter {
    fn structure(&mut self, member: &'static MemberSchema, value: &dyn Members) {
        self.lead(member);
        self.begin(b'{', Place::Member);
        value.write_members(self);
        self.end(b'}');
    }

    fn list_begin(&mut self, member: &'static MemberSchema, _length: usize) {
        self.lead(member);
        self.begin(b'[', Place::Element);
    }

    fn list_end(&mut self, _member: &'static MemberSchema) {
        self.end(b']');
    }

    fn map_begin(&mut self, member: &'static MemberSchema, _length: usize) {
        self.lead(member);
        self.begin(b'{', Place::MapValue);
    }

    fn map_key(&mut self, _member: &'static MemberSchema, key: &str) {
        self.separate();
        write_string(&mut self.out, key);
        self.out.push(b':');
    }

    fn map_end(&mut self, _member: &'static MemberSchema) {
        self.end(b'}');
    }

    fn boolean(&mut self, member: &'static MemberSchema, value: bool) {
        self.lead(member);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn integer(&mut self, member: &'static MemberSchema, value: i32) {
        self.long(member, i64::from(value));
    }

    fn long(&mut self, member: &'static MemberSchema, value: i64) {
        self.lead(member);
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    fn float(&mut self, member: &'static MemberSchema, value: f32) {
        self.lead(member);
        if value.is_finite() {
            self.out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
        } else {
            write_double(&mut self.out, f64::from(value));
        }
    }

    fn double(&mut self, member: &'static MemberSchema, value: f64) {
        self.lead(member);
        write_double(&mut self.out, value);
    }

    fn string(&mut self, member: &'static MemberSchema, value: &str) {
        self.lead(member);
        write_string(&mut self.out, value);
    }

    fn blob(&mut self, member: &'static MemberSchema, value: &Bytes) {
        self.lead(member);
        self.out.push(b'"');
        self.out.extend_from_slice(STANDARD.encode(value).as_bytes());
        self.out.push(b'"');
    }

    fn timestamp(&mut self, member: &'static MemberSchema, value: Instant) {
        self.lead(member);
        match member.timestamp_format {
            None | Some(TimestampFormat::EpochSeconds) => time::write_epoch_seconds(value, &mut self.out),
            Some(TimestampFormat::DateTime) => write_string(&mut self.out, &time::date_time(value)),
            Some(TimestampFormat::HttpDate) => write_string(&mut self.out, &time::http_date(value)),
        }
    }

    fn document(&mut self, member: &'static MemberSchema, value: &Document) {
        self.lead(member);
        write_document(&mut self.out, value);
    }
}

fn write_double(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else {
        out.extend_from_slice(if value > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" });
    }
}

fn write_document(out: &mut Vec<u8>, value: &Document) {
    match value {
        Document::Null => out.extend_from_slice(b"null"),
        Document::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Document::Integer(value) => out.extend_from_slice(itoa::Buffer::new().format(*value).as_bytes()),
        Document::Double(value) => write_double(out, *value),
        Document::String(text) => write_string(out, text),
        Document::List(values) => {
            out.push(b'[');
            for (index, value) in values.iter().enumerate() {
                out.extend_from_slice(if index > 0 { b"," } else { b"" });
                write_document(out, value);
            }
            out.push(b']');
        }
        Document::Object(entries) => {
            out.push(b'{');
            for (index, (key, value)) in entries.iter().enumerate() {
                out.extend_from_slice(if index > 0 { b"," } else { b"" });
                write_string(out, key);
                out.push(b':');
                write_document(out, value);
            }
            out.push(b'}');
        }
    }
}

/// Copies runs of plain bytes at once; only quotes, backslashes and control characters need an escape.
fn write_string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[copied..at]);
        copied = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => {
                out.extend_from_slice(b"\\u00");
                out.push(b"0123456789abcdef"[usize::from(control >> 4)]);
                out.push(b"0123456789abcdef"[usize::from(control & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}
