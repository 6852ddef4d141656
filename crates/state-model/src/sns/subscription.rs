//! Subscriptions: who gets a topic's messages.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use super::topic::TopicName;
use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The topic's scope.
    pub scope: Scope,
    /// The topic's name.
    pub topic: String,
    /// A UUID.
    pub id: String,
    /// The account that subscribed.
    pub owner: String,
    pub protocol: Protocol,
    pub endpoint: String,
    pub status: SubscriptionStatus,
    /// What the endpoint's owner confirms with, as long as it is valid.
    #[serde(default)]
    pub confirmation: Option<Confirmation>,
    #[serde(default)]
    pub confirmed_with_signature: bool,
    /// Only who signs may end it.
    #[serde(default)]
    pub authenticate_on_unsubscribe: bool,
    #[serde(default)]
    pub raw: bool,
    /// A JSON document.
    #[serde(default)]
    pub filter: Option<String>,
    /// The filter looks at the message itself instead of its attributes.
    #[serde(default)]
    pub filters_body: bool,
    /// A JSON document as it was given.
    #[serde(default)]
    pub delivery_policy: Option<String>,
    pub created_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    Http,
    Https,
    Email,
    EmailJson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubscriptionStatus {
    Pending,
    Confirmed,
    /// Ended, and can be taken up again with the confirmation's token until that ends.
    Deleted,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    pub token: String,
    pub expires_at: Timestamp,
}

impl Protocol {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            "email" => Some(Self::Email),
            "email-json" => Some(Self::EmailJson),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Email => "email",
            Self::EmailJson => "email-json",
        }
    }

    pub fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

impl Subscription {
    /// Index: by topic, protocol and endpoint, see [`Self::place`].
    pub const PLACE: &'static str = "place";
    /// Index: by the token of its confirmation.
    pub const TOKEN: &'static str = "token";

    pub fn topic_name(&self) -> TopicName {
        TopicName { scope: self.scope.clone(), name: self.topic.clone() }
    }

    pub fn topic_arn(&self) -> String {
        self.scope.arn("sns", &self.topic)
    }

    pub fn arn(&self) -> String {
        format!("{}:{}", self.topic_arn(), self.id)
    }

    /// The key of the subscription with this ARN.
    pub fn key_of_arn(arn: &str) -> Option<String> {
        let (topic, id) = arn.rsplit_once(':')?;
        let topic = TopicName::parse(topic)?;
        let fits = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        fits.then(|| format!("{}/{id}", topic.key()))
    }

    /// What the keys of a topic's subscriptions begin with.
    pub fn prefix(topic: &TopicName) -> String {
        format!("{}/", topic.key())
    }

    pub fn place(topic: &TopicName, protocol: Protocol, endpoint: &str) -> String {
        format!("{} {} {endpoint}", topic.key(), protocol.as_str())
    }
}

impl Record for Subscription {
    const TABLE: &'static str = "sns-subscription";

    fn key(&self) -> String {
        format!("{}/{}", self.scope.key(&self.topic), self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::PLACE, Self::place(&self.topic_name(), self.protocol, &self.endpoint));
        if let Some(confirmation) = &self.confirmation {
            sink(Self::TOKEN, confirmation.token.clone());
        }
    }
}
