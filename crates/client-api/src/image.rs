//! An image that is ready to be pushed: documents in memory, blobs in files.

mod archive;
mod document;

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::pack::PackError;

/// Bytes with their digest.
#[derive(Clone, Debug)]
pub struct Blob {
    /// `sha256:<hex>`
    pub digest: String,
    pub bytes: u64,
    pub content: Content,
}

#[derive(Clone, Debug)]
pub enum Content {
    Memory(bytes::Bytes),
    /// A part of a file, which stays open so that it may be a temporary one without a name.
    File {
        file: Arc<File>,
        offset: u64,
    },
}

/// A manifest or an index.
#[derive(Clone, Debug)]
pub struct Document {
    pub digest: String,
    pub media_type: String,
    pub bytes: bytes::Bytes,
}

/// Everything that a push sends.
#[derive(Clone, Debug, Default)]
pub struct Image {
    pub blobs: Vec<Blob>,
    /// Those that others refer to come first; the last one gets the tag.
    pub documents: Vec<Document>,
}

#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("{path}: {action} failed")]
    File { path: PathBuf, action: &'static str, source: io::Error },
    #[error("{path} is neither an archive of `docker save` nor one of the OCI layout")]
    Unknown { path: PathBuf },
    #[error("{path}: {reason}")]
    Invalid { path: PathBuf, reason: String },
    #[error("packing a layer failed")]
    Pack(#[from] PackError),
}

impl Image {
    /// Reads an archive of `docker save` or of the OCI layout, packed with gzip or not. Blocks.
    pub fn from_archive(path: &std::path::Path) -> Result<Self, ImageError> {
        archive::read(path)
    }

    /// What the tag will name.
    pub fn digest(&self) -> &str {
        self.documents.last().map_or("", |document| document.digest.as_str())
    }
}

impl Blob {
    pub fn from_memory(bytes: impl Into<bytes::Bytes>) -> Self {
        let bytes = bytes.into();
        let digest = digest_of(&bytes);
        Self { digest, bytes: bytes.len() as u64, content: Content::Memory(bytes) }
    }
}

impl Document {
    pub fn new(media_type: impl Into<String>, bytes: impl Into<bytes::Bytes>) -> Self {
        let bytes = bytes.into();
        Self { digest: digest_of(&bytes), media_type: media_type.into(), bytes }
    }
}

pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
