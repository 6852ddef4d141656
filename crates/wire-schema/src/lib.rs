//! The schema of the wire: static tables that say how a shape is bound to each protocol, and the two codec
//! traits through which generated shapes and protocols meet without knowing each other.
//!
//! It never encodes a byte and never knows a service: shapes come from `cargo xtask codegen`, encodings live
//! in `wire-protocols`.
//!
//! **Invariant:** no dependency on serde or tokio, and no state; every crate of the wire builds on this one,
//! so an edit here re-checks them all.
#![forbid(unsafe_code)]

mod codec;
mod decode_error;
mod document;
mod instant;
mod open_enum;
mod schema;
mod service_error;
mod value;

pub use bytes;
pub use codec::{Empty, Members, Operation, Shape, ShapeReader, ShapeWriter};
pub use decode_error::{DecodeError, DecodeErrorKind};
pub use document::Document;
pub use instant::Instant;
pub use schema::{
    ErrorTraits, ListSchema, Location, MapSchema, MemberSchema, OperationSchema, Protocol, ServiceSchema,
    StructureOf, StructureSchema, Target, TimestampFormat,
};
pub use service_error::{Fault, ServiceError};
pub use value::{Value, read_member, write_member};
