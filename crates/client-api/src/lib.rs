//! The client side of the public API: signed calls, event streams, and images packed and pushed to a
//! registry.
//!
//! **Invariant:** everything goes through the public API and the registry's protocol, as any other client's
//! would; no `state-*`, `api-*` or `node-*` crate is used here.
#![forbid(unsafe_code)]

pub mod api;
pub mod destination;
pub mod endpoint;
pub mod events;
pub mod image;
pub mod limits;
pub mod pack;
pub mod push;
