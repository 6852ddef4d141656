//! What can go wrong, and whose fault it is.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("another process uses the log store in {dir}")]
    InUse { dir: PathBuf },
    #[error("can't use {path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is damaged: {what}")]
    Damaged { path: PathBuf, what: &'static str },
}

impl OpenError {
    pub(super) fn at(path: &std::path::Path) -> impl FnOnce(io::Error) -> OpenError {
        move |source| OpenError::Io { path: path.to_owned(), source }
    }
}

/// Nothing of the append was stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Retry when there is room again.
    #[error("the disk that holds the logs is full")]
    DiskFull,
    #[error("the logs can't be written: {text}")]
    Write { kind: io::ErrorKind, text: String },
    /// After a failure that left it unclear what is on the disk, only reopening tells.
    #[error("the log store stopped after a failed write")]
    Stopped,
    #[error("a key of {length} bytes is too long")]
    KeyTooLong { length: usize },
    #[error("an append of {bytes} bytes is too large")]
    TooLarge { bytes: usize },
}

impl From<&io::Error> for AppendError {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => AppendError::DiskFull,
            kind => AppendError::Write { kind, text: error.to_string() },
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("stored logs can't be read")]
    Io(#[from] io::Error),
    #[error("a stored block of logs is damaged")]
    Damaged,
}
