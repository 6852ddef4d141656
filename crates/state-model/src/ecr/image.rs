//! What is in a repository: images by digest, the tags that name them, and the layers that were pushed.
//!
//! A tag is a record of its own, so that two pushes of one tag at the same time meet at one key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::ecr::key_in;
use crate::record::{IndexSink, Record};

/// A manifest that was put: an image, an index of images, or another artifact. Its bytes are a blob.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Image {
    pub scope: Scope,
    pub repository: String,
    pub digest: String,
    pub media_type: String,
    /// Length of the manifest itself.
    pub manifest_bytes: u64,
    /// Compressed size of what the manifest names; none for an index.
    #[serde(default)]
    pub size_bytes: Option<u64>,
    /// The media type of the configuration.
    #[serde(default)]
    pub config_media_type: Option<String>,
    /// What the manifest says it is, or the type of its configuration.
    #[serde(default)]
    pub artifact_type: Option<String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// The digests of configuration and layers.
    #[serde(default)]
    pub blobs: Vec<String>,
    /// The digests of the manifests that an index names.
    #[serde(default)]
    pub manifests: Vec<String>,
    /// The digest of the manifest that this one says something about.
    #[serde(default)]
    pub subject: Option<String>,
    pub pushed_at: Timestamp,
    /// When it was last pulled, renewed once a day.
    #[serde(default)]
    pub pulled_at: Option<Timestamp>,
}

impl Image {
    /// Images of a repository by the digest of their subject: see [`key_in`].
    pub const BY_SUBJECT: &'static str = "subject";
    /// Indexes of a repository by the digest of a manifest they name.
    pub const BY_CHILD: &'static str = "child";
    /// Images of a repository by the digest of a blob they name.
    pub const BY_BLOB: &'static str = "blob";
    /// Images of every repository by their own digest.
    pub const BY_DIGEST: &'static str = "digest";

    pub fn key_of(&self, digest: &str) -> String {
        key_in(&self.scope, &self.repository, digest)
    }
}

impl Record for Image {
    const TABLE: &'static str = "ecr-image";

    fn key(&self) -> String {
        self.key_of(&self.digest)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::BY_DIGEST, self.digest.clone());
        if let Some(subject) = &self.subject {
            sink(Self::BY_SUBJECT, self.key_of(subject));
        }
        for digest in &self.manifests {
            sink(Self::BY_CHILD, self.key_of(digest));
        }
        for digest in &self.blobs {
            sink(Self::BY_BLOB, self.key_of(digest));
        }
    }
}

/// A tag of a repository and the image it names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageTag {
    pub scope: Scope,
    pub repository: String,
    pub tag: String,
    pub digest: String,
    pub tagged_at: Timestamp,
}

impl ImageTag {
    /// Tags of a repository by the digest of the image.
    pub const BY_IMAGE: &'static str = "image";
}

impl Record for ImageTag {
    const TABLE: &'static str = "ecr-tag";

    fn key(&self) -> String {
        key_in(&self.scope, &self.repository, &self.tag)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::BY_IMAGE, key_in(&self.scope, &self.repository, &self.digest));
    }
}

/// A blob that was pushed to a repository, or mounted from another: only then it can be used and read there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    pub scope: Scope,
    pub repository: String,
    pub digest: String,
    pub size_bytes: u64,
    pub pushed_at: Timestamp,
}

impl Layer {
    /// Layers of every repository by their digest.
    pub const BY_DIGEST: &'static str = "digest";
}

impl Record for Layer {
    const TABLE: &'static str = "ecr-layer";

    fn key(&self) -> String {
        key_in(&self.scope, &self.repository, &self.digest)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::BY_DIGEST, self.digest.clone());
    }
}
