//! Task definitions.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValuePair {
    pub name: String,
    pub value: String,
}

/// A file of `NAME=value` lines in an object store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentFile {
    /// The object's ARN.
    pub value: String,
    /// Always `s3`.
    pub kind: String,
}
