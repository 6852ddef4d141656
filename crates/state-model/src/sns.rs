//! Records of SNS, and what follows from them alone: which message a subscription gets, in what form, and how often it is tried.

pub mod delivery_policy;
pub mod filter;
pub mod notification;
mod subscription;
mod topic;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;
use stdx::random::{self, Random};

use crate::record::Record;

pub use subscription::{Confirmation, Protocol, Subscription, SubscriptionStatus};
pub use topic::{Deduplication, FifoScope, SignatureVersion, Topic, TopicName, TopicSequence};

/// A message that no subscriber was given yet. Publish writes it, and whoever notifies a topic does so in the transaction
/// that makes the notification true; the messages loop takes it out when every delivery that follows from it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingMessage {
    pub topic_arn: String,
    /// A UUID: the message's id.
    pub id: String,
    #[serde(default)]
    pub subject: Option<String>,
    pub message: String,
    /// The message is JSON with a text per protocol.
    #[serde(default)]
    pub is_structured: bool,
    #[serde(default)]
    pub attributes: BTreeMap<String, MessageAttribute>,
    /// Of a FIFO topic.
    #[serde(default)]
    pub group: Option<String>,
    #[serde(default)]
    pub sequence: Option<u64>,
    /// Orders what waits.
    pub accepted_at: Timestamp,
    /// The key of the last subscription that was given it, where one commit didn't take them all.
    #[serde(default)]
    pub given_to: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAttribute {
    /// `String`, `Number`, `String.Array` or `Binary`.
    pub data_type: String,
    /// Base 64 where it is `Binary`.
    pub value: String,
}

impl PendingMessage {
    /// A notification of a service of ours. A topic that is gone by then takes it along.
    pub fn of_service(
        topic_arn: &str,
        subject: &str,
        message: String,
        now: Timestamp,
        random: &dyn Random,
    ) -> Self {
        Self {
            topic_arn: topic_arn.to_owned(),
            id: random::uuid(random),
            subject: Some(subject.to_owned()),
            message,
            is_structured: false,
            attributes: BTreeMap::new(),
            group: None,
            sequence: None,
            accepted_at: now,
            given_to: None,
        }
    }
}

impl Record for PendingMessage {
    const TABLE: &'static str = "sns-pending";

    /// In the order of acceptance.
    fn key(&self) -> String {
        format!("{:015}/{}", self.accepted_at.as_millis(), self.id)
    }
}
