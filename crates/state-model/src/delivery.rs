//! Deliveries: what has to be brought to somebody, and is tried until it arrived or isn't worth it any more.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;
use stdx::random::{self, Random};

use crate::Scope;
use crate::record::{IndexSink, Record};

/// Written with what it follows from (an event that matched, a message, a schedule's time); the deliveries loop counts its attempts
/// and takes it out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    pub scope: Scope,
    /// A UUID.
    pub id: String,
    /// Who is served: the ARN of a rule's target, a subscription or a schedule. A lane that is slow or down holds up no other.
    pub lane: String,
    pub action: Action,
    pub retry: Retry,
    pub created_at: Timestamp,
    #[serde(default)]
    pub attempts: u32,
    /// Not before then.
    pub next_at: Timestamp,
    #[serde(default)]
    pub last_error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    Call(Call),
    Http(HttpCall),
    Email(Email),
}

/// A call of this installation's public API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// By its signing name, for example `ecs`.
    pub service: String,
    /// For example `RunTask`.
    pub operation: String,
    /// The operation's input as JSON, with the model's member names.
    pub input: String,
    /// In whose role. None: as the service below, which the resource's own policy must allow.
    #[serde(default)]
    pub role_arn: Option<String>,
    /// The service that calls, for example `events.amazonaws.com`.
    pub principal: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpCall {
    pub method: String,
    pub url: String,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// The ARN of the EventBridge connection that authorises it.
    #[serde(default)]
    pub connection: Option<String>,
    pub timeout_secs: u32,
    /// Of an API destination: requests per second at most.
    #[serde(default)]
    pub rate_max: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Email {
    pub to: String,
    pub subject: String,
    pub body: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// After the first attempt.
    pub retries_max: u32,
    pub age_max_secs: u64,
    pub backoff: Backoff,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Backoff {
    /// Doubles from a second to ten minutes, with jitter.
    Exponential,
    /// Seconds before each retry; the last one holds for the rest.
    Listed(Vec<u32>),
}

impl Retry {
    /// Of EventBridge's targets and schedules: 185 times in 24 hours where nothing else was said.
    pub fn of_events(retries_max: Option<u32>, age_max_secs: Option<u64>) -> Self {
        Self {
            retries_max: retries_max.unwrap_or(185),
            age_max_secs: age_max_secs.unwrap_or(86_400),
            backoff: Backoff::Exponential,
        }
    }
}

impl Delivery {
    /// Index: by the lane.
    pub const LANE: &'static str = "lane";

    pub fn new(
        scope: &Scope,
        lane: &str,
        action: Action,
        retry: Retry,
        now: Timestamp,
        random: &dyn Random,
    ) -> Self {
        Self {
            scope: scope.clone(),
            id: random::uuid(random),
            lane: lane.to_owned(),
            action,
            retry,
            created_at: now,
            attempts: 0,
            next_at: now,
            last_error: None,
        }
    }
}

impl Record for Delivery {
    const TABLE: &'static str = "delivery";

    /// In the order of creation.
    fn key(&self) -> String {
        format!("{:015}/{}", self.created_at.as_millis(), self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::LANE, self.lane.clone());
    }
}
