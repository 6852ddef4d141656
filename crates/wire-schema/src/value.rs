//! How each kind of member value is handed to a codec. Generated code only names members; this says the rest
//! once.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{DecodeError, Document, Instant, MemberSchema, Shape, ShapeReader, ShapeWriter};

/// Anything that can stand in a member.
pub trait Value: Sized {
    fn write(&self, writer: &mut dyn ShapeWriter, member: &'static MemberSchema);
    fn read(reader: &mut dyn ShapeReader, member: &'static MemberSchema) -> Result<Self, DecodeError>;
}

/// Writes a member when it is present.
pub fn write_member<T: Value>(
    writer: &mut dyn ShapeWriter,
    member: &'static MemberSchema,
    value: &Option<T>,
) {
    if let Some(value) = value {
        value.write(writer, member);
    }
}

/// Reads a member that is present.
pub fn read_member<T: Value>(
    reader: &mut dyn ShapeReader,
    member: &'static MemberSchema,
    into: &mut Option<T>,
) -> Result<(), DecodeError> {
    *into = Some(T::read(reader, member).map_err(|error| error.inside(member.name))?);
    Ok(())
}

pub(crate) fn read_structure<T: Shape>(reader: &mut dyn ShapeReader) -> Result<T, DecodeError> {
    let mut value = T::default();
    reader.structure(T::schema(), &mut value)?;
    Ok(value)
}

impl<T: Shape> Value for T {
    fn write(&self, writer: &mut dyn ShapeWriter, member: &'static MemberSchema) {
        writer.structure(member, self);
    }

    fn read(reader: &mut dyn ShapeReader, _member: &'static MemberSchema) -> Result<Self, DecodeError> {
        read_structure(reader)
    }
}

impl<T: Value> Value for Vec<T> {
    fn write(&self, writer: &mut dyn ShapeWriter, member: &'static MemberSchema) {
        let element = &member.list().element;
        writer.list_begin(member, self.len());
        for value in self {
            value.write(writer, element);
        }
        writer.list_end(member);
    }

    fn read(reader: &mut dyn ShapeReader, member: &'static MemberSchema) -> Result<Self, DecodeError> {
        let element = &member.list().element;
        let mut values = Vec::new();
        reader.list(member, &mut |reader| {
            let value = T::read(reader, element).map_err(|error| error.at(values.len()))?;
            values.push(value);
            Ok(())
        })?;
        Ok(values)
    }
}

impl<T: Value> Value for BTreeMap<String, T> {
    fn write(&self, writer: &mut dyn ShapeWriter, member: &'static MemberSchema) {
        let map = member.map();
        writer.map_begin(member, self.len());
        for (key, value) in self {
            writer.map_key(&map.key, key);
            value.write(writer, &map.value);
        }
        writer.map_end(member);
    }

    fn read(reader: &mut dyn ShapeReader, member: &'static MemberSchema) -> Result<Self, DecodeError> {
        let map = member.map();
        let mut entries = BTreeMap::new();
        reader.map(member, &mut |reader, key| {
            let value = T::read(reader, &map.value).map_err(|error| error.inside(&key))?;
            entries.insert(key, value);
            Ok(())
        })?;
        Ok(entries)
    }
}

impl Value for String {
    fn write(&self, writer: &mut dyn ShapeWriter, member: &'static MemberSchema) {
        writer.string(member, self);
    }

    fn read(reader: &mut dyn ShapeReader, member: &'static MemberSchema) -> Result<Self, DecodeError> {
        reader.string(member)
    }
}

impl Value for Bytes {
    fn write(&self, writer: &mut dyn ShapeWriter, member: &'static MemberSchema) {
        writer.blob(member, self);
    }

    fn read(reader: &mut dyn ShapeReader, member: &'static MemberSchema) -> Result<Self, DecodeError> {
        reader.blob(member)
    }
}

impl Value for Document {
    fn write(&self, writer: &mut dyn ShapeWriter, member: &'static MemberSchema) {
        writer.document(member, self);
    }

    fn read(reader: &mut dyn ShapeReader, member: &'static MemberSchema) -> Result<Self, DecodeError> {
        reader.document(member)
    }
}

macro_rules! scalar_value {
    ($($kind:ty => $function:ident),* $(,)?) => {$(
        impl Value for $kind {
            fn write(&self, writer: &mut dyn ShapeWriter, member: &'static MemberSchema) {
                writer.$function(member, *self);
            }

            fn read(reader: &mut dyn ShapeReader, member: &'static MemberSchema) -> Result<Self, DecodeError> {
                reader.$function(member)
            }
        }
    )*};
}

scalar_value! {
    bool => boolean,
    i32 => integer,
    i64 => long,
    f32 => float,
    f64 => double,
    Instant => timestamp,
}
