//! The protocols of AWS's public APIs: routing, decoding, encoding, error envelopes, event streams, SigV4, and
//! the words in which all services refuse what breaks a constraint of their model.
//!
//! One codec serves all services: it knows shapes only through the schemas and traits of `wire-schema`. It
//! decides nothing about an operation, holds no state but a cache of signing keys, and never does I/O.
//!
//! **Invariant:** knows no service's shapes and no record of ours; every number that bounds input is in
//! [`limits`].
#![forbid(unsafe_code)]

pub mod body;
pub mod cbor;
pub mod checksum;
pub mod error_envelope;
pub mod event_stream;
pub mod json;
pub mod limits;
mod member_index;
pub mod message;
pub mod query;
pub mod rest;
pub mod route;
mod scalar;
pub mod service_table;
pub mod sigv4;
pub mod time;
pub mod violations;
pub mod xml;

pub use body::Body;
pub use route::{Route, RouteError, Router};
pub use service_table::{Call, ServiceTable};
