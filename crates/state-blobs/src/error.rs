//! What can go wrong with blobs.

use std::io;

use crate::digest::Digest;

#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("{action} failed")]
    Io {
        action: &'static str,
        #[source]
        source: io::Error,
    },
    /// The disk has no more space. What was received before stays.
    #[error("no space is left for blobs")]
    Full(#[source] io::Error),
    /// Never begun, complete, discarded or expired; or begun under another label.
    #[error("no such upload")]
    UploadUnknown,
    /// Another request sends to this upload now.
    #[error("the upload is in use by another request")]
    UploadBusy,
    #[error("more than {limit} uploads are unfinished")]
    UploadsTooMany { limit: usize },
    #[error("a blob of more than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("the content has digest {found}, not {expected}")]
    DigestMismatch { expected: Digest, found: Digest },
}

impl BlobError {
    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BlobError::Full(source),
            _ => BlobError::Io { action, source },
        }
    }
}
