//! Records of CloudWatch Logs: what groups and streams are. Their events live in the log store, filed under
//! the key of the stream's record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::Record;

mod metric_filter;
mod query_definition;

pub use metric_filter::{FilterMetric, MetricFilter};
pub use query_definition::QueryDefinition;

/// Bytes of a stream's key: what the state store takes for a key, less the table's name.
const STREAM_KEY_BYTES_MAX: usize = 960;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogGroup {
    pub scope: Scope,
    pub name: String,
    pub created_at: Timestamp,
    /// Events older than this go away; without it they stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<i32>,
    /// `STANDARD` or another class. Here all are stored alike.
    pub class: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl LogGroup {
    pub fn key_of(scope: &Scope, name: &str) -> String {
        scope.key(name)
    }

    /// `…:log-group:NAME`, the form of `logGroupArn` and of tagging.
    pub fn arn(&self) -> String {
        self.scope.arn("logs", &format!("log-group:{}", self.name))
    }
}

impl Record for LogGroup {
    const TABLE: &'static str = "log-group";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.name)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogStream {
    pub scope: Scope,
    pub group: String,
    pub name: String,
    pub created_at: Timestamp,
}

impl LogStream {
    /// With an empty name: the prefix of all streams of the group. Neither name has a colon.
    pub fn key_of(scope: &Scope, group: &str, name: &str) -> String {
        named_key(scope, group, name)
    }

    pub fn arn(&self) -> String {
        self.scope.arn("logs", &format!("log-group:{}:log-stream:{}", self.group, self.name))
    }
}

impl Record for LogStream {
    const TABLE: &'static str = "log-stream";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.group, &self.name)
    }
}

/// The key of what has a name within a group.
fn named_key(scope: &Scope, group: &str, name: &str) -> String {
    let mut key = scope.key(&format!("{group}:{name}"));
    if key.len() > STREAM_KEY_BYTES_MAX {
        // Two of the longest names don't fit: the rest of the second is told by its hash.
        let hash = fnv64(name.as_bytes());
        key.truncate(key.floor_char_boundary(STREAM_KEY_BYTES_MAX));
        key.push_str(&format!("~{hash:016x}"));
    }
    key
}

/// FNV-1a: stable across versions and good enough to tell names apart.
pub fn fnv64(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_within_the_store() {
        let scope = Scope::new("000000000000", "us-east-1");
        assert_eq!(LogStream::key_of(&scope, "/ecs/web", "a/b"), "000000000000/us-east-1//ecs/web:a/b");
        let long =
            |last: &str| LogStream::key_of(&scope, &"g".repeat(512), &format!("{}{last}", "ü".repeat(511)));
        assert!(long("a").len() < 1000);
        assert_ne!(long("a"), long("b"));
    }

    #[test]
    fn arns_have_aws_form() {
        let scope = Scope::new("000000000000", "us-east-1");
        let created_at = Timestamp(1);
        let stream =
            LogStream { scope: scope.clone(), group: "/ecs/web".into(), name: "a/b".into(), created_at };
        assert_eq!(stream.arn(), "arn:aws:logs:us-east-1:000000000000:log-group:/ecs/web:log-stream:a/b");
        let group = LogGroup {
            scope,
            name: "/ecs/web".into(),
            created_at,
            retention_days: None,
            class: "STANDARD".into(),
            tags: BTreeMap::new(),
        };
        assert_eq!(group.arn(), "arn:aws:logs:us-east-1:000000000000:log-group:/ecs/web");
    }
}
