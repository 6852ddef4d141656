//! A shape from a REST request.

use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use wire_schema::{
    DecodeError, Document, Instant, Location, MemberSchema, Members, OperationSchema, Protocol, ShapeReader,
    StructureSchema, Target, TimestampFormat,
};

use super::uri;
use crate::json::JsonReader;
use crate::query::form_pairs;
use crate::scalar;
use crate::xml::{Element, XmlReader};

/// Reads labels, query string, headers and body into the members that are bound to them.
pub fn decode(
    protocol: Protocol,
    operation: &'static OperationSchema,
    parts: &Parts,
    body: &Bytes,
    into: &mut dyn Members,
) -> Result<(), DecodeError> {
    let schema = into.structure_schema();
    let query = parts.uri.query().unwrap_or("");
    let labels =
        uri::matches(operation.uri, parts.uri.path(), query).map(|found| found.labels).unwrap_or_default();
    let pairs: Vec<(String, String)> = form_pairs(query)
        .map(|pair| pair.map(|(name, value)| (name.into_owned(), value.into_owned())))
        .collect::<Result<_, _>>()?;
    let mut has_body = false;
    for (index, member) in schema.members.iter().enumerate() {
        let values = match member.location {
            Location::Uri => labels.iter().filter(|(name, _)| *name == member.wire_name).map(plain).collect(),
            Location::QueryString => query_values(schema, member, &pairs),
            Location::Header => header_values(member, &parts.headers)?,
            Location::PrefixHeaders => prefixed_headers(member, &parts.headers)?,
            Location::Payload => {
                if !body.is_empty() {
                    into.read_member(index, &mut payload(protocol, body))?;
                }
                continue;
            }
            Location::Body => {
                has_body = true;
                continue;
            }
            Location::StatusCode => continue,
        };
        if !values.is_empty() {
            let in_header = matches!(member.location, Location::Header | Location::PrefixHeaders);
            into.read_member(index, &mut TextReader { values, in_header })?;
        }
    }
    match protocol {
        _ if !has_body || body.is_empty() => Ok(()),
        Protocol::RestXml => {
            let root = Element::parse(body)?;
            XmlReader::only_body(&root).structure(schema, into)
        }
        _ => JsonReader::read_body(body, into, true),
    }
}

/// A value with its name: of a label, a parameter or a header.
type Named = (String, String);

fn plain((name, value): &(&'static str, String)) -> Named {
    ((*name).to_owned(), value.clone())
}

/// The values of one parameter; for a map, all parameters that no other member claims.
fn query_values(schema: &StructureSchema, member: &MemberSchema, pairs: &[Named]) -> Vec<Named> {
    let is_map = matches!(member.target, Target::Map(_));
    let claimed = |name: &str| {
        schema.members.iter().any(|other| {
            other.location == Location::QueryString
                && other.wire_name == name
                && !matches!(other.target, Target::Map(_))
        })
    };
    let matches = |(name, _): &&Named| if is_map { !claimed(name) } else { name == member.wire_name };
    pairs.iter().filter(matches).cloned().collect()
}

fn header_values(member: &MemberSchema, headers: &HeaderMap) -> Result<Vec<Named>, DecodeError> {
    let mut values = Vec::new();
    for value in headers.get_all(member.wire_name) {
        let text = value.to_str().map_err(|_| invalid_header(member.wire_name))?;
        match member.target {
            Target::List(list) => {
                let dates = matches!(list.element.target, Target::Timestamp)
                    && list.element.timestamp_format.is_none_or(|format| format == TimestampFormat::HttpDate);
                values.extend(
                    split_list(text, dates).into_iter().map(|value| (member.wire_name.to_owned(), value)),
                );
            }
            _ => values.push((member.wire_name.to_owned(), text.trim().to_owned())),
        }
    }
    Ok(values)
}

fn prefixed_headers(member: &MemberSchema, headers: &HeaderMap) -> Result<Vec<Named>, DecodeError> {
    let prefix = member.wire_name.to_ascii_lowercase();
    let mut values = Vec::new();
    for (name, value) in headers {
        if let Some(rest) = name.as_str().strip_prefix(&prefix) {
            let text = value.to_str().map_err(|_| invalid_header(name.as_str()))?;
            values.push((rest.to_owned(), text.to_owned()));
        }
    }
    Ok(values)
}

fn invalid_header(name: &str) -> DecodeError {
    DecodeError::wrong_type(format!("The header {name} is not text"))
}

/// Splits a header's list at commas outside of quotes; a date holds a comma of its own.
fn split_list(text: &str, dates: bool) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut quoted = false;
    let mut escaped = false;
    let mut commas = 0;
    for character in text.chars() {
        let Some(value) = values.last_mut() else { break };
        match character {
            _ if escaped => {
                value.push(character);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                commas += 1;
                if dates && commas % 2 == 1 { value.push(',') } else { values.push(String::new()) }
            }
            _ => value.push(character),
        }
    }
    values.into_iter().map(|value| value.trim().to_owned()).collect()
}

fn payload(protocol: Protocol, body: &Bytes) -> PayloadReader<'_> {
    PayloadReader { protocol, body }
}

/// Stands on a body that is one member as a whole.
struct PayloadReader<'a> {
    protocol: Protocol,
    body: &'a Bytes,
}

impl ShapeReader for PayloadReader<'_> {
    fn structure(
        &mut self,
        schema: &'static StructureSchema,
        into: &mut dyn Members,
    ) -> Result<(), DecodeError> {
        if self.protocol == Protocol::RestXml {
            let root = Element::parse(self.body)?;
            return XmlReader::new(&root).structure(schema, into);
        }
        JsonReader::read_body(self.body, into, false)
    }

    fn string(&mut self, _member: &'static MemberSchema) -> Result<String, DecodeError> {
        let text = std::str::from_utf8(self.body);
        text.map(str::to_owned).map_err(|_| DecodeError::syntax("The body is not valid UTF-8"))
    }

    fn blob(&mut self, _member: &'static MemberSchema) -> Result<Bytes, DecodeError> {
        Ok(self.body.clone())
    }

    fn document(&mut self, member: &'static MemberSchema) -> Result<Document, DecodeError> {
        JsonReader::new(self.body)?.document(member)
    }

    fn list(&mut self, member: &'static MemberSchema, each: Each<'_>) -> Result<(), DecodeError> {
        JsonReader::new(self.body)?.list(member, each)
    }

    fn map(&mut self, member: &'static MemberSchema, each: EachEntry<'_>) -> Result<(), DecodeError> {
        JsonReader::new(self.body)?.map(member, each)
    }

    fn boolean(&mut self, member: &'static MemberSchema) -> Result<bool, DecodeError> {
        JsonReader::new(self.body)?.boolean(member)
    }

    fn integer(&mut self, member: &'static MemberSchema) -> Result<i32, DecodeError> {
        JsonReader::new(self.body)?.integer(member)
    }

    fn long(&mut self, member: &'static MemberSchema) -> Result<i64, DecodeError> {
        JsonReader::new(self.body)?.long(member)
    }

    fn float(&mut self, member: &'static MemberSchema) -> Result<f32, DecodeError> {
        JsonReader::new(self.body)?.float(member)
    }

    fn double(&mut self, member: &'static MemberSchema) -> Result<f64, DecodeError> {
        JsonReader::new(self.body)?.double(member)
    }

    fn timestamp(&mut self, member: &'static MemberSchema) -> Result<Instant, DecodeError> {
        JsonReader::new(self.body)?.timestamp(member)
    }
}

type Each<'a> = &'a mut dyn FnMut(&mut dyn ShapeReader) -> Result<(), DecodeError>;
type EachEntry<'a> = &'a mut dyn FnMut(&mut dyn ShapeReader, String) -> Result<(), DecodeError>;

/// Stands on the values of a label, a parameter or a header.
struct TextReader {
    values: Vec<Named>,
    in_header: bool,
}

impl TextReader {
    fn text(&self) -> &str {
        self.values.first().map_or("", |(_, value)| value)
    }
}

impl ShapeReader for TextReader {
    fn structure(
        &mut self,
        _schema: &'static StructureSchema,
        _into: &mut dyn Members,
    ) -> Result<(), DecodeError> {
        Err(DecodeError::wrong_type("A structure can't stand here"))
    }

    fn list(&mut self, _member: &'static MemberSchema, each: Each<'_>) -> Result<(), DecodeError> {
        for value in std::mem::take(&mut self.values) {
            each(&mut TextReader { values: vec![value], in_header: self.in_header })?;
        }
        Ok(())
    }

    fn map(&mut self, member: &'static MemberSchema, each: EachEntry<'_>) -> Result<(), DecodeError> {
        let is_list = matches!(member.map().value.target, Target::List(_));
        let mut seen: Vec<String> = Vec::new();
        let all = std::mem::take(&mut self.values);
        for (name, value) in &all {
            if seen.contains(name) {
                continue;
            }
            let values = match is_list {
                true => all.iter().filter(|(other, _)| other == name).cloned().collect(),
                false => vec![(name.clone(), value.clone())],
            };
            seen.push(name.clone());
            each(&mut TextReader { values, in_header: self.in_header }, name.clone())?;
        }
        Ok(())
    }

    fn boolean(&mut self, _member: &'static MemberSchema) -> Result<bool, DecodeError> {
        scalar::boolean(self.text())
    }

    fn integer(&mut self, _member: &'static MemberSchema) -> Result<i32, DecodeError> {
        scalar::integer(self.text())
    }

    fn long(&mut self, _member: &'static MemberSchema) -> Result<i64, DecodeError> {
        scalar::long(self.text())
    }

    fn float(&mut self, _member: &'static MemberSchema) -> Result<f32, DecodeError> {
        scalar::double(self.text()).map(|value| value as f32)
    }

    fn double(&mut self, _member: &'static MemberSchema) -> Result<f64, DecodeError> {
        scalar::double(self.text())
    }

    fn string(&mut self, _member: &'static MemberSchema) -> Result<String, DecodeError> {
        Ok(self.text().to_owned())
    }

    fn blob(&mut self, _member: &'static MemberSchema) -> Result<Bytes, DecodeError> {
        scalar::blob(self.text())
    }

    fn timestamp(&mut self, member: &'static MemberSchema) -> Result<Instant, DecodeError> {
        let default = if self.in_header { TimestampFormat::HttpDate } else { TimestampFormat::DateTime };
        scalar::timestamp(self.text(), member.timestamp_format, default)
    }

    fn document(&mut self, _member: &'static MemberSchema) -> Result<Document, DecodeError> {
        Err(DecodeError::wrong_type("A document can't stand here"))
    }
}
