//! A shape as a REST response.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use wire_schema::{
    Document, Instant, Location, MemberSchema, Members, Protocol, ShapeWriter, StructureSchema, Target,
    TimestampFormat,
};

use super::body_filter::BodyFilter;
use crate::json::JsonWriter;
use crate::scalar;
use crate::xml::{ListStyle, XmlWriter};

/// What a shape puts into a response.
#[derive(Debug, Default)]
pub struct Bound {
    pub headers: HeaderMap,
    pub status: Option<u16>,
    pub body: Vec<u8>,
    /// None when there is no body at all.
    pub content_type: Option<&'static str>,
}

/// Spreads a shape over headers, status and body. `namespace` is the service's, for XML.
pub fn encode(protocol: Protocol, namespace: Option<&str>, shape: &dyn Members) -> Bound {
    let schema = shape.structure_schema();
    let mut writer = BindingWriter { protocol, namespace, bound: Bound::default(), open: None, nested: 0 };
    shape.write_members(&mut writer);
    let mut bound = writer.bound;
    if schema.member_at(Location::Payload).is_some() || schema.member_at(Location::Body).is_none() {
        return bound;
    }
    bound.content_type = Some(content_type(protocol));
    bound.body = match protocol {
        Protocol::RestXml => {
            let name = schema.root_name.unwrap_or(schema.name);
            let mut xml = XmlWriter::new(ListStyle::Xml);
            xml.declaration();
            if is_unwrapped(schema, name) {
                let mut body = BodyFilter::new(&mut xml);
                shape.write_members(&mut body);
                if !body.wrote {
                    xml.start(name, schema.xml_namespace.or(namespace));
                    xml.end(name);
                }
                return Bound { body: xml.finish().into_bytes(), ..bound };
            }
            xml.start(name, schema.xml_namespace.or(namespace));
            shape.write_members(&mut BodyFilter::new(&mut xml));
            xml.end(name);
            xml.finish().into_bytes()
        }
        _ => {
            let mut json = JsonWriter::open();
            shape.write_members(&mut BodyFilter::new(&mut json));
            json.close()
        }
    };
    bound
}

/// Whether the document is the structure's only member, without an element around it: where a bucket is.
fn is_unwrapped(schema: &StructureSchema, root: &str) -> bool {
    matches!(schema.members, [only] if only.wire_name == root)
}

fn content_type(protocol: Protocol) -> &'static str {
    if protocol == Protocol::RestXml { "application/xml" } else { "application/json" }
}

struct BindingWriter<'a> {
    protocol: Protocol,
    namespace: Option<&'a str>,
    bound: Bound,
    /// The header that a list or a map's entry goes to.
    open: Option<Open>,
    nested: usize,
}

enum Open {
    List { member: &'static MemberSchema, values: Vec<String> },
    Map { prefix: &'static str, key: String },
}

impl BindingWriter<'_> {
    fn header(&mut self, name: &str, value: &str) {
        // What can't be a header is left out: it would end the header and begin another.
        let name = HeaderName::try_from(name);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            self.bound.headers.append(name, value);
        }
    }

    fn scalar(&mut self, member: &'static MemberSchema, text: &str) {
        if self.nested > 1 {
            return;
        }
        match (&mut self.open, member.location) {
            (Some(Open::List { values, .. }), _) => values.push(text.to_owned()),
            (Some(Open::Map { prefix, key }), _) => {
                let name = format!("{prefix}{key}");
                self.header(&name, text);
            }
            (None, Location::Header) if self.nested == 0 => self.header(member.wire_name, text),
            (None, Location::StatusCode) if self.nested == 0 => self.bound.status = text.parse().ok(),
            _ => {}
        }
    }

    fn payload(&mut self, member: &MemberSchema) -> bool {
        self.nested == 0 && member.location == Location::Payload
    }
}

/// The root element of a payload: the member's name on the wire when the model gives one, else the
/// structure's.
fn payload_name(member: &MemberSchema, schema: &StructureSchema) -> &'static str {
    if member.wire_name_given { member.wire_name } else { schema.root_name.unwrap_or(schema.name) }
}

impl ShapeWriter for BindingWriter<'_> {
    fn structure(&mut self, member: &'static MemberSchema, value: &dyn Members) {
        if !self.payload(member) {
            return;
        }
        self.bound.content_type = Some(content_type(self.protocol));
        if self.protocol != Protocol::RestXml {
            self.bound.body = JsonWriter::write_body(value);
            return;
        }
        let schema = value.structure_schema();
        let name = payload_name(member, schema);
        let mut xml = XmlWriter::new(ListStyle::Xml);
        xml.declaration();
        xml.start(name, member.xml_namespace.or(schema.xml_namespace).or(self.namespace));
        xml.content(value);
        xml.end(name);
        self.bound.body = xml.finish().into_bytes();
    }

    fn list_begin(&mut self, member: &'static MemberSchema, _length: usize) {
        self.nested += 1;
        if self.nested == 1 && member.location == Location::Header {
            self.open = Some(Open::List { member, values: Vec::new() });
        }
    }

    fn list_end(&mut self, _member: &'static MemberSchema) {
        self.nested -= 1;
        if self.nested > 0 {
            return;
        }
        if let Some(Open::List { member, values }) = self.open.take() {
            let texts = matches!(member.list().element.target, Target::String);
            let quoted = values.into_iter().map(|value| if texts { quote(value) } else { value });
            let joined = quoted.collect::<Vec<_>>().join(", ");
            self.header(member.wire_name, &joined);
        }
    }

    fn map_begin(&mut self, member: &'static MemberSchema, _length: usize) {
        self.nested += 1;
        if self.nested == 1 && member.location == Location::PrefixHeaders {
            self.open = Some(Open::Map { prefix: member.wire_name, key: String::new() });
        }
    }

    fn map_key(&mut self, _member: &'static MemberSchema, name: &str) {
        if let Some(Open::Map { key, .. }) = &mut self.open {
            name.clone_into(key);
        }
    }

    fn map_end(&mut self, _member: &'static MemberSchema) {
        self.nested -= 1;
        if self.nested == 0 {
            self.open = None;
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
        if self.payload(member) {
            self.bound.content_type = Some("text/plain");
            self.bound.body = value.as_bytes().to_vec();
            return;
        }
        self.scalar(member, value);
    }

    fn blob(&mut self, member: &'static MemberSchema, value: &Bytes) {
        if self.payload(member) {
            self.bound.content_type = Some("application/octet-stream");
            self.bound.body = value.to_vec();
            return;
        }
        self.scalar(member, &STANDARD.encode(value));
    }

    fn timestamp(&mut self, member: &'static MemberSchema, value: Instant) {
        let format = member.timestamp_format.unwrap_or(TimestampFormat::HttpDate);
        self.scalar(member, &scalar::write_timestamp(value, format));
    }

    fn document(&mut self, _member: &'static MemberSchema, _value: &Document) {}
}

/// A list's text that holds a comma or a quote goes into quotes.
fn quote(text: String) -> String {
    if !text.contains([',', '"']) {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
