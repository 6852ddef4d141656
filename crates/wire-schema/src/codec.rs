//! The two codec traits, and what a generated shape implements to be read and written through them.

use std::fmt::Debug;

use bytes::Bytes;

use crate::{
    DecodeError, Document, Instant, MemberSchema, OperationSchema, StructureSchema, value::read_structure,
};

/// Takes a shape apart into one protocol. Every value comes with the schema of the place it stands in.
pub trait ShapeWriter {
    fn structure(&mut self, member: &'static MemberSchema, value: &dyn Members);
    /// The elements follow, each written with the list's element schema, then [`ShapeWriter::list_end`].
    fn list_begin(&mut self, member: &'static MemberSchema, length: usize);
    fn list_end(&mut self, member: &'static MemberSchema);
    /// Pairs of [`ShapeWriter::map_key`] and a value follow, then [`ShapeWriter::map_end`].
    fn map_begin(&mut self, member: &'static MemberSchema, length: usize);
    fn map_key(&mut self, member: &'static MemberSchema, key: &str);
    fn map_end(&mut self, member: &'static MemberSchema);
    fn boolean(&mut self, member: &'static MemberSchema, value: bool);
    fn integer(&mut self, member: &'static MemberSchema, value: i32);
    fn long(&mut self, member: &'static MemberSchema, value: i64);
    fn float(&mut self, member: &'static MemberSchema, value: f32);
    fn double(&mut self, member: &'static MemberSchema, value: f64);
    fn string(&mut self, member: &'static MemberSchema, value: &str);
    fn blob(&mut self, member: &'static MemberSchema, value: &Bytes);
    fn timestamp(&mut self, member: &'static MemberSchema, value: Instant);
    fn document(&mut self, member: &'static MemberSchema, value: &Document);
}

/// Puts a shape together from one protocol. The reader stands on a value when one of its functions is called.
pub trait ShapeReader {
    /// Calls [`Members::read_member`] for every known member that is present and not null.
    fn structure(
        &mut self,
        schema: &'static StructureSchema,
        into: &mut dyn Members,
    ) -> Result<(), DecodeError>;
    /// Calls `each` with the reader standing on one element after another.
    fn list(&mut self, member: &'static MemberSchema, each: ReadElement<'_>) -> Result<(), DecodeError>;
    /// Calls `each` with a key and the reader standing on its value.
    fn map(&mut self, member: &'static MemberSchema, each: ReadEntry<'_>) -> Result<(), DecodeError>;
    fn boolean(&mut self, member: &'static MemberSchema) -> Result<bool, DecodeError>;
    fn integer(&mut self, member: &'static MemberSchema) -> Result<i32, DecodeError>;
    fn long(&mut self, member: &'static MemberSchema) -> Result<i64, DecodeError>;
    fn float(&mut self, member: &'static MemberSchema) -> Result<f32, DecodeError>;
    fn double(&mut self, member: &'static MemberSchema) -> Result<f64, DecodeError>;
    fn string(&mut self, member: &'static MemberSchema) -> Result<String, DecodeError>;
    fn blob(&mut self, member: &'static MemberSchema) -> Result<Bytes, DecodeError>;
    fn timestamp(&mut self, member: &'static MemberSchema) -> Result<Instant, DecodeError>;
    fn document(&mut self, member: &'static MemberSchema) -> Result<Document, DecodeError>;
}

/// What [`ShapeReader::list`] calls for each element.
pub type ReadElement<'a> = &'a mut dyn FnMut(&mut dyn ShapeReader) -> Result<(), DecodeError>;
/// What [`ShapeReader::map`] calls for each entry.
pub type ReadEntry<'a> = &'a mut dyn FnMut(&mut dyn ShapeReader, String) -> Result<(), DecodeError>;

/// The members of a structure, as a codec sees them.
pub trait Members: Send + Sync {
    fn structure_schema(&self) -> &'static StructureSchema;
    /// Writes every member that is present.
    fn write_members(&self, writer: &mut dyn ShapeWriter);
    /// Reads the member at `index` of the schema.
    fn read_member(&mut self, index: usize, reader: &mut dyn ShapeReader) -> Result<(), DecodeError>;
}

/// A generated structure.
pub trait Shape: Members + Clone + Debug + Default + PartialEq + 'static {
    fn schema() -> &'static StructureSchema;

    fn read(reader: &mut dyn ShapeReader) -> Result<Self, DecodeError> {
        read_structure(reader)
    }
}

impl<T: Members> Members for Box<T> {
    fn structure_schema(&self) -> &'static StructureSchema {
        (**self).structure_schema()
    }

    fn write_members(&self, writer: &mut dyn ShapeWriter) {
        (**self).write_members(writer);
    }

    fn read_member(&mut self, index: usize, reader: &mut dyn ShapeReader) -> Result<(), DecodeError> {
        (**self).read_member(index, reader)
    }
}

impl<T: Shape> Shape for Box<T> {
    fn schema() -> &'static StructureSchema {
        T::schema()
    }
}

/// An operation: a type that ties its name to its shapes.
pub trait Operation: 'static {
    type Input: Shape;
    type Output: Shape;
    const SCHEMA: &'static OperationSchema;
}

/// The input or output of an operation for which the model has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Empty {}

static EMPTY: StructureSchema = StructureSchema::new("Unit", &[]);

impl Members for Empty {
    fn structure_schema(&self) -> &'static StructureSchema {
        &EMPTY
    }

    fn write_members(&self, _writer: &mut dyn ShapeWriter) {}

    fn read_member(&mut self, _index: usize, _reader: &mut dyn ShapeReader) -> Result<(), DecodeError> {
        Ok(())
    }
}

impl Shape for Empty {
    fn schema() -> &'static StructureSchema {
        &EMPTY
    }
}
