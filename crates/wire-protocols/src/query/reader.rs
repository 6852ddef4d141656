//! A shape from query parameters.

use bytes::Bytes;
use wire_schema::{
    DecodeError, Document, Instant, MemberSchema, Members, ShapeReader, StructureSchema, Target,
    TimestampFormat,
};

use super::Node;
use crate::limits::LIST_ELEMENTS_MAX;
use crate::scalar;

pub struct QueryReader<'a> {
    node: &'a Node,
    dialect: Dialect,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Lists are `Name.member.1` unless flattened.
    Query,
    /// Lists are always `Name.1`, and names begin with a capital.
    Ec2,
}

impl<'a> QueryReader<'a> {
    pub fn new(node: &'a Node, dialect: Dialect) -> Self {
        Self { node, dialect }
    }

    /// The first parameter of the top level that `schema` does not have.
    pub fn unknown(&self, schema: &StructureSchema) -> Option<&'a str> {
        let known: Vec<*const Node> =
            schema.members.iter().filter_map(|member| self.child(member)).map(|node| node as _).collect();
        let unknown = self.node.children.iter().find(|(_, node)| !known.contains(&std::ptr::from_ref(*node)));
        unknown.map(|(name, _)| name.as_str())
    }

    fn child(&self, member: &MemberSchema) -> Option<&'a Node> {
        let children = &self.node.children;
        if self.dialect == Dialect::Query {
            let name = match member.target {
                Target::List(list) if member.flattened && list.element.wire_name_given => {
                    list.element.wire_name
                }
                _ => member.wire_name,
            };
            return children.get(name);
        }
        if let Some(name) = member.query_name {
            return children.get(name);
        }
        children.get(&capitalised(member.wire_name)).or_else(|| children.get(member.wire_name))
    }

    fn text(&self) -> Result<&'a str, DecodeError> {
        match &self.node.value {
            Some(value) => Ok(value),
            None => Err(DecodeError::wrong_type("The parameter has no value of its own")),
        }
    }
}

/// The name of a member in ec2Query.
pub fn capitalised(name: &str) -> String {
    let mut name = name.to_owned();
    if let Some(first) = name.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    name
}

fn check_length(length: usize) -> Result<(), DecodeError> {
    if length <= LIST_ELEMENTS_MAX {
        return Ok(());
    }
    Err(DecodeError::limit(format!("A list has more than {LIST_ELEMENTS_MAX} elements")))
}

impl ShapeReader for QueryReader<'_> {
    fn structure(
        &mut self,
        schema: &'static StructureSchema,
        into: &mut dyn Members,
    ) -> Result<(), DecodeError> {
        for (index, member) in schema.members.iter().enumerate() {
            if let Some(node) = self.child(member) {
                into.read_member(index, &mut QueryReader { node, dialect: self.dialect })?;
            }
        }
        Ok(())
    }

    fn list(
        &mut self,
        member: &'static MemberSchema,
        each: &mut dyn FnMut(&mut dyn ShapeReader) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let numbered = match self.dialect {
            Dialect::Query if !member.flattened => {
                self.node.children.get(member.list().element.wire_name).unwrap_or(self.node)
            }
            _ => self.node,
        };
        let elements = numbered.elements();
        check_length(elements.len())?;
        for node in elements {
            each(&mut QueryReader { node, dialect: self.dialect })?;
        }
        Ok(())
    }

    fn map(
        &mut self,
        member: &'static MemberSchema,
        each: &mut dyn FnMut(&mut dyn ShapeReader, String) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let map = member.map();
        let numbered =
            if member.flattened { self.node } else { self.node.children.get("entry").unwrap_or(self.node) };
        let entries = numbered.elements();
        check_length(entries.len())?;
        for entry in entries {
            let key = entry.children.get(map.key.wire_name).and_then(|node| node.value.clone());
            let value = entry.children.get(map.value.wire_name);
            let (Some(key), Some(node)) = (key, value) else {
                return Err(DecodeError::wrong_type("A map's entry needs a key and a value"));
            };
            each(&mut QueryReader { node, dialect: self.dialect }, key)?;
        }
        Ok(())
    }

    fn boolean(&mut self, _member: &'static MemberSchema) -> Result<bool, DecodeError> {
        scalar::boolean(self.text()?)
    }

    fn integer(&mut self, _member: &'static MemberSchema) -> Result<i32, DecodeError> {
        scalar::integer(self.text()?)
    }

    fn long(&mut self, _member: &'static MemberSchema) -> Result<i64, DecodeError> {
        scalar::long(self.text()?)
    }

    fn float(&mut self, _member: &'static MemberSchema) -> Result<f32, DecodeError> {
        scalar::double(self.text()?).map(|value| value as f32)
    }

    fn double(&mut self, _member: &'static MemberSchema) -> Result<f64, DecodeError> {
        scalar::double(self.text()?)
    }

    fn string(&mut self, _member: &'static MemberSchema) -> Result<String, DecodeError> {
        self.text().map(str::to_owned)
    }

    fn blob(&mut self, _member: &'static MemberSchema) -> Result<Bytes, DecodeError> {
        scalar::blob(self.text()?)
    }

    fn timestamp(&mut self, member: &'static MemberSchema) -> Result<Instant, DecodeError> {
        scalar::timestamp(self.text()?, member.timestamp_format, TimestampFormat::DateTime)
    }

    fn document(&mut self, _member: &'static MemberSchema) -> Result<Document, DecodeError> {
        Err(DecodeError::wrong_type("Documents have no form in query parameters"))
    }
}
