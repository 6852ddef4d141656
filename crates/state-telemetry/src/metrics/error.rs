//! What can go wrong.

use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
#[error("the metric store can't use {}", path.display())]
pub struct OpenError {
    pub path: PathBuf,
    #[source]
    pub source: std::io::Error,
}

impl OpenError {
    pub fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { path, source }
    }
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        let ReadError::Read { path, source } = error;
        Self { path, source }
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum PutError {
    #[error("the metric store is stopping")]
    Stopped,
    /// A bound against dimensions that are unlimited by mistake.
    #[error("there are {series_max} metrics already: a dimension has too many values")]
    TooManySeries { series_max: usize },
    #[error("the metric store can't write")]
    Write(#[source] std::sync::Arc<std::io::Error>),
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{} can't be read", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl ReadError {
    pub(super) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Read { path, source }
    }
}
