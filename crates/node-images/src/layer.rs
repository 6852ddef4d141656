//! One layer: from the compressed bytes of a registry to a directory that an overlay file system can stand
//! on.

mod archive;
mod stream;
mod tree;
mod unpack;

use std::io;

use crate::digest::Digest;
use crate::error::os_text;

pub use stream::{Expected, Piece, unpack};

/// Why a layer could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    #[error("{path}: {action}: {}: unknown", os_text(.source))]
    Entry { path: String, action: &'static str, source: io::Error },
    #[error("{path}: the path leaves the layer")]
    Escape { path: String },
    #[error("{0}")]
    Corrupt(String),
    #[error("unexpected commit digest {found}, expected {expected}: failed precondition")]
    Digest { expected: Digest, found: Digest },
    #[error("unexpected unpacked digest {found}, expected {expected}: failed precondition")]
    DiffId { expected: Digest, found: Digest },
    #[error("unexpected commit size {found}, expected {expected}: failed precondition")]
    Size { expected: u64, found: u64 },
    #[error("the layer is larger than the limit of {0}")]
    TooLarge(u64),
    #[error("the download was given up")]
    Cancelled,
}

impl LayerError {
    pub fn is_disk_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::Entry { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }
}
