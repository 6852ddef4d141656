//! Content-addressed blobs in files: `<directory>/sha256/ab/<digits>`, and uploads that grow into them.
//!
//! A blob is written once, under the name of its digest, and never changed; what is found under a digest has
//! it. Uploads survive a restart. Deleting is for whoever knows what refers to a blob, which this crate
//! doesn't.
//!
//! **Invariant:** knows no repository, no account and no manifest; a blob is acknowledged only when it is
//! durable.
#![forbid(unsafe_code)]

pub mod digest;
pub mod error;
pub mod limits;
pub mod store;
pub mod upload;

pub use digest::Digest;
pub use error::BlobError;
pub use store::{Blob, BlobStore, StoredBlob};
pub use upload::Upload;
