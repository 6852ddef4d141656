//! A role: what a service, a task or another principal acts as.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::iam::{self, LastUse};
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Role {
    pub account: String,
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// `AROA…`
    pub id: String,
    pub created_at: Timestamp,
    /// The policy document that says who may assume the role, as it was given.
    pub trust_policy: String,
    #[serde(default)]
    pub description: Option<String>,
    pub session_duration_s_max: i32,
    #[serde(default)]
    pub permissions_boundary: Option<String>,
    /// The service that the role is linked to: only that service deletes it.
    #[serde(default)]
    pub linked_service: Option<String>,
    #[serde(default)]
    pub inline_policies: BTreeMap<String, String>,
    #[serde(default)]
    pub attached_policies: Vec<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default)]
    pub last_used: Option<LastUse>,
}

impl Role {
    /// Roles by the ARN of an attached policy.
    pub const BY_POLICY: &'static str = "policy";
    /// Roles by the ARN of their permissions boundary.
    pub const BY_BOUNDARY: &'static str = "boundary";

    pub fn arn(&self) -> String {
        iam::arn(&self.account, "role", &self.path, &self.name)
    }
}

impl Record for Role {
    const TABLE: &'static str = "iam-role";

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
