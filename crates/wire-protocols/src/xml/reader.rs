//! A shape from an XML element.

use bytes::Bytes;
use wire_schema::{
    DecodeError, Document, Instant, Location, MemberSchema, Members, ShapeReader, StructureSchema, Target,
    TimestampFormat,
};

use super::Element;
use crate::scalar;

/// Stands on one element, on all elements of a flattened list, or on an attribute's text.
pub struct XmlReader<'a> {
    elements: Vec<&'a Element>,
    text: &'a str,
    only_body: bool,
}

impl<'a> XmlReader<'a> {
    pub fn new(element: &'a Element) -> Self {
        Self { elements: vec![element], text: &element.text, only_body: false }
    }

    /// For the root of a REST message, of which only some members are in the body.
    pub fn only_body(element: &'a Element) -> Self {
        Self { only_body: true, ..Self::new(element) }
    }

    fn attribute(text: &'a str) -> Self {
        Self { elements: Vec::new(), text, only_body: false }
    }

    /// What the reader of a member stands on; none when the member is absent.
    fn member(element: &'a Element, member: &MemberSchema) -> Option<Self> {
        if member.xml_attribute {
            return element.attribute(member.wire_name).map(Self::attribute);
        }
        let name = match member.target {
            Target::List(list) if member.flattened && list.element.wire_name_given => list.element.wire_name,
            _ => member.wire_name,
        };
        let mut found = element.children.iter().filter(|child| child.name == name);
        let first = found.next()?;
        let mut reader = Self::new(first);
        if member.flattened {
            reader.elements.extend(found);
        }
        Some(reader)
    }
}

impl ShapeReader for XmlReader<'_> {
    fn structure(
        &mut self,
        schema: &'static StructureSchema,
        into: &mut dyn Members,
    ) -> Result<(), DecodeError> {
        let Some(element) = self.elements.first() else {
            return Err(DecodeError::wrong_type("A structure can't stand in an attribute"));
        };
        for (index, member) in schema.members.iter().enumerate() {
            if self.only_body && member.location != Location::Body {
                continue;
            }
            if let Some(mut reader) = Self::member(element, member) {
                into.read_member(index, &mut reader)?;
            }
        }
        Ok(())
    }

    fn list(
        &mut self,
        member: &'static MemberSchema,
        each: &mut dyn FnMut(&mut dyn ShapeReader) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let name = member.list().element.wire_name;
        for element in &self.elements {
            if member.flattened {
                each(&mut XmlReader::new(element))?;
                continue;
            }
            for child in element.children.iter().filter(|child| child.name == name) {
                each(&mut XmlReader::new(child))?;
            }
        }
        Ok(())
    }

    fn map(
        &mut self,
        member: &'static MemberSchema,
        each: &mut dyn FnMut(&mut dyn ShapeReader, String) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let map = member.map();
        let entries: Vec<&Element> = if member.flattened {
            self.elements.clone()
        } else {
            self.elements
                .iter()
                .flat_map(|element| &element.children)
                .filter(|child| child.name == "entry")
                .collect()
        };
        for entry in entries {
            let key = entry.child(map.key.wire_name);
            let value = entry.child(map.value.wire_name);
            let (Some(key), Some(value)) = (key, value) else {
                return Err(DecodeError::wrong_type("A map's entry needs a key and a value"));
            };
            each(&mut XmlReader::new(value), key.text.clone())?;
        }
        Ok(())
    }

    fn boolean(&mut self, _member: &'static MemberSchema) -> Result<bool, DecodeError> {
        scalar::boolean(self.text.trim())
    }

    fn integer(&mut self, _member: &'static MemberSchema) -> Result<i32, DecodeError> {
        scalar::integer(self.text.trim())
    }

    fn long(&mut self, _member: &'static MemberSchema) -> Result<i64, DecodeError> {
        scalar::long(self.text.trim())
    }

    fn float(&mut self, _member: &'static MemberSchema) -> Result<f32, DecodeError> {
        scalar::double(self.text.trim()).map(|value| value as f32)
    }

    fn double(&mut self, _member: &'static MemberSchema) -> Result<f64, DecodeError> {
        scalar::double(self.text.trim())
    }

    fn string(&mut self, _member: &'static MemberSchema) -> Result<String, DecodeError> {
        Ok(self.text.to_owned())
    }

    fn blob(&mut self, _member: &'static MemberSchema) -> Result<Bytes, DecodeError> {
        scalar::blob(self.text.trim())
    }

    fn timestamp(&mut self, member: &'static MemberSchema) -> Result<Instant, DecodeError> {
        scalar::timestamp(self.text.trim(), member.timestamp_format, TimestampFormat::DateTime)
    }

    fn document(&mut self, _member: &'static MemberSchema) -> Result<Document, DecodeError> {
        Err(DecodeError::wrong_type("Documents have no form in XML"))
    }
}
