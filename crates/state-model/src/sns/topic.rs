//! Topics, and what a FIFO topic remembers of its messages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::Record;

/// How the name of a FIFO topic ends.
const FIFO_SUFFIX: &str = ".fifo";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    pub scope: Scope,
    pub name: String,
    #[serde(default)]
    pub display_name: String,
    /// A JSON document. None: the owner's account may do everything.
    #[serde(default)]
    pub policy: Option<String>,
    /// A JSON document as it was given.
    #[serde(default)]
    pub delivery_policy: Option<String>,
    #[serde(default)]
    pub signature_version: SignatureVersion,
    #[serde(default)]
    pub signature_version_given: bool,
    #[serde(default)]
    pub content_based_deduplication: bool,
    #[serde(default)]
    pub fifo_scope: FifoScope,
    #[serde(default)]
    pub message_bytes_max: Option<u32>,
    #[serde(default)]
    pub tracing_given: bool,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    pub created_at: Timestamp,
}

/// The hash that signatures of messages are made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignatureVersion {
    /// `1`: SHA-1.
    #[default]
    One,
    /// `2`: SHA-256.
    Two,
}

/// What one deduplication id counts for, `FifoThroughputScope`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FifoScope {
    #[default]
    Topic,
    MessageGroup,
}

/// What a topic's ARN says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicName {
    pub scope: Scope,
    pub name: String,
}

impl TopicName {
    /// `arn:aws:sns:REGION:ACCOUNT:NAME`; none for anything else, also for a subscription's ARN.
    pub fn parse(arn: &str) -> Option<Self> {
        let rest = arn.strip_prefix("arn:aws:sns:")?;
        let (region, rest) = rest.split_once(':')?;
        let (account, name) = rest.split_once(':')?;
        let fits = crate::scope::is_region_name(region) && crate::scope::is_account_id(account);
        (fits && is_name(name)).then(|| Self { scope: Scope::new(account, region), name: name.to_owned() })
    }

    pub fn key(&self) -> String {
        self.scope.key(&self.name)
    }
}

/// Up to 256 letters, digits, hyphens and underscores, and perhaps the suffix of a FIFO topic.
pub fn is_name(name: &str) -> bool {
    let stem = name.strip_suffix(FIFO_SUFFIX).unwrap_or(name);
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !stem.is_empty() && name.len() <= 256 && stem.bytes().all(good)
}

impl Topic {
    pub fn new(scope: &Scope, name: &str, now: Timestamp) -> Self {
        Self {
            scope: scope.clone(),
            name: name.to_owned(),
            display_name: String::new(),
            policy: None,
            delivery_policy: None,
            signature_version: SignatureVersion::One,
            signature_version_given: false,
            content_based_deduplication: false,
            fifo_scope: FifoScope::Topic,
            message_bytes_max: None,
            tracing_given: false,
            tags: BTreeMap::new(),
            created_at: now,
        }
    }

    pub fn arn(&self) -> String {
        self.scope.arn("sns", &self.name)
    }

    pub fn is_fifo(&self) -> bool {
        self.name.ends_with(FIFO_SUFFIX)
    }

    pub fn is_name(name: &str) -> bool {
        is_name(name)
    }
}

impl SignatureVersion {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::Two => "2",
        }
    }
}

impl Record for Topic {
    const TABLE: &'static str = "sns-topic";

    fn key(&self) -> String {
        self.scope.key(&self.name)
    }
}

/// The number of a FIFO topic's last message. Every publication to the topic writes it, so that two never decide from the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicSequence {
    /// The topic's key.
    pub topic: String,
    pub last: u64,
}

impl Record for TopicSequence {
    const TABLE: &'static str = "sns-sequence";

    fn key(&self) -> String {
        self.topic.clone()
    }
}

/// A message that a FIFO topic takes once only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deduplication {
    /// The topic's key.
    pub topic: String,
    /// Empty where ids count for the whole topic.
    #[serde(default)]
    pub group: String,
    pub id: String,
    pub message_id: String,
    pub sequence: u64,
    pub at: Timestamp,
}

impl Deduplication {
    /// How long the same id means the same message.
    pub const WINDOW: std::time::Duration = std::time::Duration::from_secs(5 * 60);

    pub fn key_of(topic: &str, group: &str, id: &str) -> String {
        // Neither groups nor ids hold a space.
        format!("{topic}/{group} {id}")
    }
}

impl Record for Deduplication {
    const TABLE: &'static str = "sns-deduplication";

    fn key(&self) -> String {
        Self::key_of(&self.topic, &self.group, &self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_topics_are_read() {
        for (arn, name) in [
            ("arn:aws:sns:us-east-1:000000000000:alerts", Some("alerts")),
            ("arn:aws:sns:us-east-1:000000000000:orders.fifo", Some("orders.fifo")),
            ("arn:aws:sns:us-east-1:000000000000:alerts:6b0e71bd-7e97-4d97-80ce-4a0994e55286", None),
            ("arn:aws:sns:us-east-1:0000:alerts", None),
            ("arn:aws:sns:us-east-1:000000000000:a/b", None),
            ("arn:aws:sqs:us-east-1:000000000000:alerts", None),
            ("alerts", None),
        ] {
            assert_eq!(TopicName::parse(arn).map(|found| found.name).as_deref(), name, "{arn}");
        }
    }
}
