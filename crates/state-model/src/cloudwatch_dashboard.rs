//! Dashboards of CloudWatch: documents that say which graphs stand where.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::record::Record;

/// Belongs to the account, in all its regions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dashboard {
    pub account: String,
    pub name: String,
    /// JSON, as it was given.
    pub body: String,
    pub modified_at: Timestamp,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Dashboard {
    /// With an empty name: the prefix of all dashboards of the account.
    pub fn key_of(account: &str, name: &str) -> String {
        format!("{account}/{name}")
    }

    pub fn arn(&self) -> String {
        Self::arn_of(&self.account, &self.name)
    }

    /// Dashboards have no region.
    pub fn arn_of(account: &str, name: &str) -> String {
        format!("arn:aws:cloudwatch::{account}:dashboard/{name}")
    }
}

impl Record for Dashboard {
    const TABLE: &'static str = "cloudwatch-dashboard";

    fn key(&self) -> String {
        Self::key_of(&self.account, &self.name)
    }
}
