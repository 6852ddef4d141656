//! An instance profile: a name that carries at most one role.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::iam;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceProfile {
    pub account: String,
    pub name: String,
    pub path: String,
    /// `AIPA…`
    pub id: String,
    pub created_at: Timestamp,
    /// The name of the role.
    #[serde(default)]
    pub role: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl InstanceProfile {
    /// Profiles by the key of their role.
    pub const BY_ROLE: &'static str = "role";

    pub fn arn(&self) -> String {
        iam::arn(&self.account, "instance-profile", &self.path, &self.name)
    }
}

impl Record for InstanceProfile {
    const TABLE: &'static str = "iam-instance-profile";

    fn key(&self) -> String {
        iam::named_key(&self.account, &self.name)
    }

    fn index(&self, sink: IndexSink<'_>) {
        if let Some(role) = &self.role {
            sink(Self::BY_ROLE, iam::named_key(&self.account, role));
        }
    }
}
