//! A shape as query parameters, for clients.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use wire_schema::{Document, Instant, MemberSchema, Members, ShapeWriter, TimestampFormat};

use super::reader::{Dialect, capitalised};
use crate::scalar;

/// RFC 3986's unreserved characters stay as they are.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub struct QueryWriter {
    out: String,
    dialect: Dialect,
    prefix: String,
    open: Vec<Container>,
}

struct Container {
    kind: Kind,
    /// How much of the prefix belongs to what is around.
    prefix_length: usize,
    count: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Structure,
    List,
    Map,
}

impl QueryWriter {
    pub fn new(dialect: Dialect, action: &str, version: &str) -> Self {
        Self {
            out: format!("Action={action}&Version={version}"),
            dialect,
            prefix: String::new(),
            open: Vec::new(),
        }
    }

    pub fn finish(self) -> String {
        self.out
    }

    /// Appends the name of the value to come, and returns the length to cut the prefix back to.
    fn name(&mut self, member: &MemberSchema) -> usize {
        let before = self.prefix.len();
        match self.open.last_mut() {
            Some(container) if container.kind == Kind::List => {
                container.count += 1;
                let _ = write!(self.prefix, ".{}", container.count);
            }
            Some(container) if container.kind == Kind::Map => {
                let _ = write!(self.prefix, ".{}.{}", container.count, member.wire_name);
            }
            _ => {
                if before > 0 {
                    self.prefix.push('.');
                }
                match (self.dialect, member.query_name) {
                    (Dialect::Ec2, Some(name)) => self.prefix.push_str(name),
                    (Dialect::Ec2, None) => self.prefix.push_str(&capitalised(member.wire_name)),
                    (Dialect::Query, _) => self.prefix.push_str(member.wire_name),
                }
            }
        }
        before
    }

    fn pair(&mut self, text: &str) {
        let _ = write!(self.out, "&{}={}", self.prefix, utf8_percent_encode(text, ENCODED));
    }

    fn scalar(&mut self, member: &MemberSchema, text: &str) {
        let before = self.name(member);
        self.pair(text);
        self.prefix.truncate(before);
    }

    fn begin(&mut self, kind: Kind, prefix_length: usize) {
        self.open.push(Container { kind, prefix_length, count: 0 });
    }

    fn end(&mut self) {
        if let Some(container) = self.open.pop() {
            self.prefix.truncate(container.prefix_length);
        }
    }
}

impl ShapeWriter for QueryWriter {
    fn structure(&mut self, member: &'static MemberSchema, value: &dyn Members) {
        let before = self.name(member);
        self.begin(Kind::Structure, before);
        value.write_members(self);
        self.end();
    }

    fn list_begin(&mut self, member: &'static MemberSchema, length: usize) {
        let element = &member.list().element;
        let before = self.name(member);
        if length == 0 && self.dialect == Dialect::Query {
            self.pair("");
        }
        if self.dialect == Dialect::Query && !member.flattened {
            self.prefix.push('.');
            self.prefix.push_str(element.wire_name);
        } else if self.dialect == Dialect::Query && element.wire_name_given {
            self.prefix.truncate(self.prefix.rfind('.').map_or(0, |dot| dot + 1));
            self.prefix.push_str(element.wire_name);
        }
        self.begin(Kind::List, before);
    }

    fn list_end(&mut self, _member: &'static MemberSchema) {
        self.end();
    }

    fn map_begin(&mut self, member: &'static MemberSchema, _length: usize) {
        let before = self.name(member);
        if !member.flattened {
            self.prefix.push_str(".entry");
        }
        self.begin(Kind::Map, before);
    }

    fn map_key(&mut self, member: &'static MemberSchema, key: &str) {
        if let Some(container) = self.open.last_mut() {
            container.count += 1;
        }
        self.scalar(member, key);
    }

    fn map_end(&mut self, _member: &'static MemberSchema) {
        self.end();
    }

    fn boolean(&mut self, member: &'static MemberSchema, value: bool) {
        self.scalar(member, if value { "true" } else { "false" });
    }

    fn integer(&mut self, member: &'static MemberSchema, value: i32) {
        self.scalar(member, itoa::Buffer::new().format(value));
    }

    fn long(&mut self, member: &'static MemberSchema, value: i64) {
        self.scalar(member, itoa::Buffer::new().format(value));
    }

    fn float(&mut self, member: &'static MemberSchema, value: f32) {
        self.scalar(member, &scalar::write_float(value));
    }

    fn double(&mut self, member: &'static MemberSchema, value: f64) {
        self.scalar(member, &scalar::write_double(value));
    }

    fn string(&mut self, member: &'static MemberSchema, value: &str) {
        self.scalar(member, value);
    }

    fn blob(&mut self, member: &'static MemberSchema, value: &Bytes) {
        self.scalar(member, &STANDARD.encode(value));
    }

    fn timestamp(&mut self, member: &'static MemberSchema, value: Instant) {
        let format = member.timestamp_format.unwrap_or(TimestampFormat::DateTime);
        self.scalar(member, &scalar::write_timestamp(value, format));
    }

    fn document(&mut self, _member: &'static MemberSchema, _value: &Document) {}
}
