//! Container images on a node: pulled from registries, verified, unpacked into layers that sandboxes mount.
//!
//! **Invariant:** nothing is handed out whose digests were not checked, no layer can write outside its own
//! directory, and no other `node-*` or `state-*` crate is used here.
#![forbid(unsafe_code)]

pub mod config;
pub mod digest;
pub mod error;
pub mod garbage;
pub mod images;
mod layer;
pub mod limits;
pub mod manifest;
mod pull;
pub mod reference;
mod registry;
mod store;

pub use error::PullError;
pub use images::{Auth, Images, PreparedImage, Request};
pub use reference::Reference;
