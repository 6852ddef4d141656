//! A user of an account.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::iam;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    pub account: String,
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// `AIDA…`
    pub id: String,
    pub created_at: Timestamp,
    #[serde(default)]
    pub permissions_boundary: Option<String>,
    /// Names and documents.
    #[serde(default)]
    pub inline_policies: BTreeMap<String, String>,
    /// ARNs, in the order in which they were attached.
    #[serde(default)]
    pub attached_policies: Vec<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl User {
    /// Users by the ARN of an attached policy.
    pub const BY_POLICY: &'static str = "policy";
    /// Users by the ARN of their permissions boundary.
    pub const BY_BOUNDARY: &'static str = "boundary";

    pub fn arn(&self) -> String {
        iam::arn(&self.account, "user", &self.path, &self.name)
    }
}

impl Record for User {
    const TABLE: &'static str = "iam-user";

    fn key(&self) -> String {
        iam::named_key(&self.account, &self.name)
    }

    fn index(&self, sink: IndexSink<'_>) {
        for arn in &self.attached_policies {
            sink(Self::BY_POLICY, format!("{}/{arn}", self.account));
        }
        if let Some(arn) = &self.permissions_boundary {
            sink(Self::BY_BOUNDARY, format!("{}/{arn}", self.account));
        }
    }
}
