//! A shape as CBOR. Structures have indefinite length, since how many members are present shows only when
//! written.

use bytes::Bytes;
use wire_schema::{Document, Instant, MemberSchema, Members, ShapeWriter};

pub struct CborWriter {
    out: Vec<u8>,
    /// Whether each open container is a structure, whose members need their names.
    structures: Vec<bool>,
}

impl CborWriter {
    pub fn write_body(shape: &dyn Members) -> Vec<u8> {
        let mut writer = Self::open();
        shape.write_members(&mut writer);
        writer.close()
    }

    /// Begins a structure; members follow, then [`CborWriter::close`].
    pub fn open() -> Self {
        Self { out: vec![0xbf], structures: vec![true] }
    }

    pub fn close(mut self) -> Vec<u8> {
        self.out.push(0xff);
        self.out
    }

    /// A member that no schema describes, such as an error's `__type`.
    pub fn extra(&mut self, name: &str, value: &Document) {
        self.text(name);
        self.value(value);
    }

    fn lead(&mut self, member: &MemberSchema) {
        if self.structures.last() == Some(&true) {
            self.text(member.wire_name);
        }
    }

    /// The first bytes of an item: its major type and the shortest form of its argument.
    fn head(&mut self, major: u8, argument: u64) {
        let major = major << 5;
        let bytes = argument.to_be_bytes();
        match argument {
            0..=23 => self.out.push(major | bytes[7]),
            24..=0xff => self.out.extend_from_slice(&[major | 24, bytes[7]]),
            0x100..=0xffff => {
                self.out.push(major | 25);
                self.out.extend_from_slice(&bytes[6..]);
            }
            0x1_0000..=0xffff_ffff => {
                self.out.push(major | 26);
                self.out.extend_from_slice(&bytes[4..]);
            }
            _ => {
                self.out.push(major | 27);
                self.out.extend_from_slice(&bytes);
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.head(3, text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }

    fn whole_number(&mut self, value: i64) {
        if value >= 0 {
            self.head(0, value.unsigned_abs())
        } else {
            self.head(1, (-1 - value).unsigned_abs())
        }
    }

    fn number(&mut self, value: f64) {
        self.out.push(0xfb);
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    fn value(&mut self, value: &Document) {
        match value {
            Document::Null => self.out.push(0xf6),
            Document::Boolean(value) => self.out.push(if *value { 0xf5 } else { 0xf4 }),
            Document::Integer(value) => self.whole_number(*value),
            Document::Double(value) => self.number(*value),
            Document::String(text) => self.text(text),
            Document::List(values) => {
                self.head(4, values.len() as u64);
                values.iter().for_each(|value| self.value(value));
            }
            Document::Object(entries) => {
                self.head(5, entries.len() as u64);
                for (key, value) in entries {
                    self.text(key);
                    self.value(value);
                }
            }
        }
    }
}

impl ShapeWriter for CborWriter {
    fn structure(&mut self, member: &'static MemberSchema, value: &dyn Members) {
        self.lead(member);
        self.out.push(0xbf);
        self.structures.push(true);
        value.write_members(self);
        self.structures.pop();
        self.out.push(0xff);
    }

    fn list_begin(&mut self, member: &'static MemberSchema, length: usize) {
        self.lead(member);
        self.head(4, length as u64);
        self.structures.push(false);
    }

    fn list_end(&mut self, _member: &'static MemberSchema) {
        self.structures.pop();
    }

    fn map_begin(&mut self, member: &'static MemberSchema, length: usize) {
        self.lead(member);
        self.head(5, length as u64);
        self.structures.push(false);
    }

    fn map_key(&mut self, _member: &'static MemberSchema, key: &str) {
        self.text(key);
    }

    fn map_end(&mut self, _member: &'static MemberSchema) {
        self.structures.pop();
    }

    fn boolean(&mut self, member: &'static MemberSchema, value: bool) {
        self.lead(member);
        self.out.push(if value { 0xf5 } else { 0xf4 });
    }

    fn integer(&mut self, member: &'static MemberSchema, value: i32) {
        self.long(member, i64::from(value));
    }

    fn long(&mut self, member: &'static MemberSchema, value: i64) {
        self.lead(member);
        self.whole_number(value);
    }

    fn float(&mut self, member: &'static MemberSchema, value: f32) {
        self.lead(member);
        self.out.push(0xfa);
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    fn double(&mut self, member: &'static MemberSchema, value: f64) {
        self.lead(member);
        self.number(value);
    }

    fn string(&mut self, member: &'static MemberSchema, value: &str) {
        self.lead(member);
        self.text(value);
    }

    fn blob(&mut self, member: &'static MemberSchema, value: &Bytes) {
        self.lead(member);
        self.head(2, value.len() as u64);
        self.out.extend_from_slice(value);
    }

    fn timestamp(&mut self, member: &'static MemberSchema, value: Instant) {
        self.lead(member);
        self.head(6, 1);
        if value.millis % 1000 == 0 {
            self.whole_number(value.as_secs())
        } else {
            self.number(value.millis as f64 / 1000.0)
        }
    }

    fn document(&mut self, member: &'static MemberSchema, value: &Document) {
        self.lead(member);
        self.value(value);
    }
}
