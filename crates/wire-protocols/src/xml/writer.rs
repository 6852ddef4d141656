//! A shape as XML text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use wire_schema::{Document, Instant, MemberSchema, Members, ShapeWriter, TimestampFormat};

use crate::{scalar, time};

pub struct XmlWriter {
    out: String,
    style: ListStyle,
    /// Open lists and maps; a structure's members stand in none of them.
    open: Vec<Container>,
}

/// What differs between the dialects.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ListStyle {
    Xml,
    /// EC2 prints every time with its milliseconds.
    Ec2,
}

#[derive(Clone, Copy)]
enum Container {
    Structure,
    List { element: &'static str },
    Map { value: &'static str, entry: &'static str },
}

impl XmlWriter {
    pub fn new(style: ListStyle) -> Self {
        Self { out: String::with_capacity(1024), style, open: Vec::new() }
    }

    pub fn finish(self) -> String {
        self.out
    }

    pub fn declaration(&mut self) {
        self.out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    }

    pub fn start(&mut self, name: &str, namespace: Option<&str>) {
        self.out.push('<');
        self.out.push_str(name);
        if let Some(uri) = namespace {
            self.out.push_str(" xmlns=\"");
            escape(&mut self.out, uri);
            self.out.push('"');
        }
        self.out.push('>');
    }

    pub fn end(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// An element that no schema describes.
    pub fn text_element(&mut self, name: &str, text: &str) {
        self.start(name, None);
        escape(&mut self.out, text);
        self.end(name);
    }

    /// A value that no schema describes, as an error's further members are.
    pub fn document_element(&mut self, name: &str, value: &Document) {
        match value {
            Document::Null => {}
            Document::Boolean(value) => self.text_element(name, &value.to_string()),
            Document::Integer(value) => self.text_element(name, &value.to_string()),
            Document::Double(value) => self.text_element(name, &scalar::write_double(*value)),
            Document::String(text) => self.text_element(name, text),
            Document::List(values) => {
                self.start(name, None);
                values.iter().for_each(|value| self.document_element("member", value));
                self.end(name);
            }
            Document::Object(entries) => {
                self.start(name, None);
                entries.iter().for_each(|(key, value)| self.document_element(key, value));
                self.end(name);
            }
        }
    }

    /// Writes a structure's members as the content of an element that is already open.
    pub fn content(&mut self, value: &dyn Members) {
        self.open.push(Container::Structure);
        value.write_members(self);
        self.open.pop();
    }

    /// The name of the element for the value to come.
    fn name(&self, member: &MemberSchema) -> &'static str {
        match self.open.last() {
            Some(Container::List { element }) => element,
            Some(Container::Map { value, .. }) => value,
            Some(Container::Structure) | None => member.wire_name,
        }
    }

    fn begin(&mut self, name: &str, member: &MemberSchema, attributes: &str) {
        self.out.push('<');
        self.out.push_str(name);
        if let Some(uri) = member.xml_namespace {
            self.out.push_str(" xmlns");
            if let Some(prefix) = member.xml_prefix {
                self.out.push(':');
                self.out.push_str(prefix);
            }
            self.out.push_str("=\"");
            escape(&mut self.out, uri);
            self.out.push('"');
        }
        self.out.push_str(attributes);
        self.out.push('>');
    }

    fn scalar(&mut self, member: &'static MemberSchema, text: &str) {
        if member.xml_attribute {
            return;
        }
        let name = self.name(member);
        self.begin(name, member, "");
        escape(&mut self.out, text);
        self.end(name);
        self.close_entry();
    }

    /// After a map's value its entry ends.
    fn close_entry(&mut self) {
        if let Some(Container::Map { entry, .. }) = self.open.last() {
            let entry = *entry;
            self.end(entry);
        }
    }
}

impl ShapeWriter for XmlWriter {
    fn structure(&mut self, member: &'static MemberSchema, value: &dyn Members) {
        let name = self.name(member);
        let mut attributes = Attributes::default();
        if value.structure_schema().members.iter().any(|member| member.xml_attribute) {
            value.write_members(&mut attributes);
        }
        self.begin(name, member, &attributes.out);
        self.content(value);
        self.end(name);
        self.close_entry();
    }

    fn list_begin(&mut self, member: &'static MemberSchema, _length: usize) {
        let element = &member.list().element;
        let outer = self.name(member);
        if !member.flattened {
            self.begin(outer, member, "");
            self.open.push(Container::List { element: element.wire_name });
        } else {
            let name = if element.wire_name_given { element.wire_name } else { outer };
            self.open.push(Container::List { element: name });
        }
    }

    fn list_end(&mut self, member: &'static MemberSchema) {
        self.open.pop();
        if !member.flattened {
            let name = self.name(member);
            self.end(name);
            self.close_entry();
        }
    }

    fn map_begin(&mut self, member: &'static MemberSchema, _length: usize) {
        let outer = self.name(member);
        let value = member.map().value.wire_name;
        if member.flattened {
            self.open.push(Container::Map { value, entry: outer });
        } else {
            self.begin(outer, member, "");
            self.open.push(Container::Map { value, entry: "entry" });
        }
    }

    fn map_key(&mut self, member: &'static MemberSchema, key: &str) {
        if let Some(Container::Map { entry, .. }) = self.open.last() {
            let entry = *entry;
            self.start(entry, None);
        }
        self.text_element(member.wire_name, key);
    }

    fn map_end(&mut self, member: &'static MemberSchema) {
        self.open.pop();
        if !member.flattened {
            let name = self.name(member);
            self.end(name);
            self.close_entry();
        }
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
        let text = match (member.timestamp_format, self.style) {
            (None | Some(TimestampFormat::DateTime), ListStyle::Ec2) => time::date_time_millis(value),
            (format, _) => scalar::write_timestamp(value, format.unwrap_or(TimestampFormat::DateTime)),
        };
        self.scalar(member, &text);
    }

    fn document(&mut self, member: &'static MemberSchema, value: &Document) {
        let name = self.name(member);
        self.document_element(name, value);
        self.close_entry();
    }
}

/// Appends text as XML content. A character that XML can't carry becomes U+FFFD.
pub fn escape(out: &mut String, text: &str) {
    let mut copied = 0;
    for (at, character) in text.char_indices() {
        let replacement = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\r' => "&#13;",
            '\n' | '\t' => continue,
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => "\u{fffd}",
            _ => continue,
        };
        out.push_str(&text[copied..at]);
        out.push_str(replacement);
        copied = at + character.len_utf8();
    }
    out.push_str(&text[copied..]);
}

/// Collects the members of a structure that are attributes of its element.
#[derive(Default)]
struct Attributes {
    out: String,
    /// Containers can't be attributes; what they hold is passed over.
    nested: usize,
}

impl Attributes {
    fn push(&mut self, member: &MemberSchema, text: &str) {
        if self.nested == 0 && member.xml_attribute {
            self.out.push(' ');
            self.out.push_str(member.wire_name);
            self.out.push_str("=\"");
            escape(&mut self.out, text);
            self.out.push('"');
        }
    }
}

impl ShapeWriter for Attributes {
    fn structure(&mut self, _member: &'static MemberSchema, _value: &dyn Members) {}

    fn list_begin(&mut self, _member: &'static MemberSchema, _length: usize) {
        self.nested += 1;
    }

    fn list_end(&mut self, _member: &'static MemberSchema) {
        self.nested -= 1;
    }

    fn map_begin(&mut self, _member: &'static MemberSchema, _length: usize) {
        self.nested += 1;
    }

    fn map_key(&mut self, _member: &'static MemberSchema, _key: &str) {}

    fn map_end(&mut self, _member: &'static MemberSchema) {
        self.nested -= 1;
    }

    fn boolean(&mut self, member: &'static MemberSchema, value: bool) {
        self.push(member, if value { "true" } else { "false" });
    }

    fn integer(&mut self, member: &'static MemberSchema, value: i32) {
        self.push(member, itoa::Buffer::new().format(value));
    }

    fn long(&mut self, member: &'static MemberSchema, value: i64) {
        self.push(member, itoa::Buffer::new().format(value));
    }

    fn float(&mut self, member: &'static MemberSchema, value: f32) {
        self.push(member, &scalar::write_float(value));
    }

    fn double(&mut self, member: &'static MemberSchema, value: f64) {
        self.push(member, &scalar::write_double(value));
    }

    fn string(&mut self, member: &'static MemberSchema, value: &str) {
        self.push(member, value);
    }

    fn blob(&mut self, member: &'static MemberSchema, value: &Bytes) {
        self.push(member, &STANDARD.encode(value));
    }

    fn timestamp(&mut self, member: &'static MemberSchema, value: Instant) {
        let format = member.timestamp_format.unwrap_or(TimestampFormat::DateTime);
        self.push(member, &scalar::write_timestamp(value, format));
    }

    fn document(&mut self, _member: &'static MemberSchema, _value: &Document) {}
}
