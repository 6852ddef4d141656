//! An object: what is known of it besides its bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use super::Bucket;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    pub bucket: String,
    pub name: String,
    pub length: u64,
    /// `sha256:…`: where the bytes are found.
    pub digest: String,
    /// In hexadecimal, without quotes: the MD5 of the content.
    pub etag: String,
    pub modified_at: Timestamp,
    /// The checksum that the client asked for or that is made by default: the algorithm's name as its header ends, and
    /// the value in base64.
    pub checksum: (String, String),
    /// `Content-Type` and the like, by the header's name in small letters; and what else was sent to be sent back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// `x-amz-meta-…`, by the rest of the name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl Object {
    /// Objects by the digest of their bytes.
    pub const BY_DIGEST: &'static str = "digest";

    /// Bytes of a name: what the state store takes for a key, less the table and the longest bucket. AWS takes 1024.
    pub const NAME_BYTES_MAX: usize = 940;

    /// With an empty name: the prefix of all objects of the bucket, in the order in which S3 lists them.
    pub fn key_of(bucket: &str, name: &str) -> String {
        format!("{bucket}/{name}")
    }

    pub fn arn_of(bucket: &str, name: &str) -> String {
        format!("{}/{name}", Bucket::arn_of(bucket))
    }
}

impl Record for Object {
    const TABLE: &'static str = "s3-object";

    fn key(&self) -> String {
        Self::key_of(&self.bucket, &self.name)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::BY_DIGEST, self.digest.clone());
    }
}
