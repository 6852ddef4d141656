//! A customer-managed prefix list: address blocks under one id, which rules and routes name. Every change makes a version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixList {
    pub scope: Scope,
    /// `pl-` and 17 hexadecimal digits.
    pub id: String,
    pub name: String,
    /// `IPv4` or `IPv6`.
    pub address_family: String,
    /// Counts against the rules of every group that names the list.
    pub max_entries: i32,
    /// Beginning at 1.
    pub version: i64,
    pub entries: Vec<PrefixListEntry>,
    /// Former versions, for GetManagedPrefixListEntries and RestoreManagedPrefixListVersion.
    #[serde(default)]
    pub history: BTreeMap<i64, Vec<PrefixListEntry>>,
    /// What the last change was, as its state says it: `create`, `modify`, `restore`.
    pub last_change: String,
    #[serde(default)]
    pub client_token: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PrefixListEntry {
    pub cidr_block: String,
    #[serde(default)]
    pub description: Option<String>,
}

impl Record for PrefixList {
    const TABLE: &'static str = "ec2-prefix-list";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        if let Some(token) = &self.client_token {
            sink("token", self.scope.key(token));
        }
    }
}
