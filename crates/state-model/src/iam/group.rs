//! A group of users. Membership is kept by the users.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::iam;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub account: String,
    pub name: String,
    pub path: String,
    /// `AGPA…`
    pub id: String,
    pub created_at: Timestamp,
    #[serde(default)]
    pub inline_policies: BTreeMap<String, String>,
    #[serde(default)]
    pub attached_policies: Vec<String>,
}

impl Group {
    /// Groups by the ARN of an attached policy.
    pub const BY_POLICY: &'static str = "policy";

    pub fn arn(&self) -> String {
        iam::arn(&self.account, "group", &self.path, &self.name)
    }
}

impl Record for Group {
    const TABLE: &'static str = "iam-group";

    fn key(&self) -> String {
        iam::named_key(&self.account, &self.name)
    }

    fn index(&self, sink: IndexSink<'_>) {
        for arn in &self.attached_policies {
            sink(Self::BY_POLICY, format!("{}/{arn}", self.account));
        }
    }
}
