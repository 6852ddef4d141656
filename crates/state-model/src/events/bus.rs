//! Event buses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use super::DEFAULT_BUS;
use crate::Scope;
use crate::record::Record;

/// Each region has the default bus, also before there is a record of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bus {
    pub scope: Scope,
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    /// The policy document that says which other accounts may send.
    #[serde(default)]
    pub policy: Option<String>,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Bus {
    pub fn new(scope: &Scope, name: &str, now: Timestamp) -> Self {
        Self {
            scope: scope.clone(),
            name: name.to_owned(),
            description: None,
            policy: None,
            created_at: now,
            modified_at: now,
            tags: BTreeMap::new(),
        }
    }

    pub fn default_of(scope: &Scope, created_at: Timestamp) -> Self {
        Self::new(scope, DEFAULT_BUS, created_at)
    }

    pub fn key_of(scope: &Scope, name: &str) -> String {
        scope.key(name)
    }

    pub fn arn(&self) -> String {
        arn_of(&self.scope, &self.name)
    }
}

pub fn arn_of(scope: &Scope, name: &str) -> String {
    scope.arn("events", &format!("event-bus/{name}"))
}

/// The scope and name of a bus's ARN.
pub fn parse_arn(arn: &str) -> Option<(Scope, &str)> {
    let mut parts = arn.splitn(6, ':');
    let is_ours =
        parts.next() == Some("arn") && parts.next() == Some("aws") && parts.next() == Some("events");
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let name = resource.strip_prefix("event-bus/")?;
    (is_ours && !name.is_empty()).then(|| (Scope::new(account, region), name))
}

impl Record for Bus {
    const TABLE: &'static str = "event-bus";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.name)
    }
}
