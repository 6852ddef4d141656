//! A policy of the customer's: a document in up to five versions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::iam;
use crate::record::Record;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub account: String,
    pub name: String,
    pub path: String,
    /// `ANPA…`
    pub id: String,
    #[serde(default)]
    pub description: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Oldest first; never empty.
    pub versions: Vec<PolicyVersion>,
    /// The number of the version in force.
    pub default_version: u32,
    /// The number the next version gets: numbers are never given twice.
    pub next_version: u32,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyVersion {
    pub number: u32,
    pub document: String,
    pub created_at: Timestamp,
}

impl PolicyVersion {
    /// `v1`
    pub fn id(&self) -> String {
        version_id(self.number)
    }
}

pub fn version_id(number: u32) -> String {
    format!("v{number}")
}

impl Policy {
    pub fn arn(&self) -> String {
        iam::arn(&self.account, "policy", &self.path, &self.name)
    }

    pub fn version(&self, id: &str) -> Option<&PolicyVersion> {
        self.versions.iter().find(|version| version.id() == id)
    }
}

impl Record for Policy {
    const TABLE: &'static str = "iam-policy";

    fn key(&self) -> String {
        iam::named_key(&self.account, &self.name)
    }
}
