//! Rules and their targets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use super::DEFAULT_BUS;
use super::ecs_target::EcsTarget;
use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    pub scope: Scope,
    pub bus: String,
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub event_pattern: Option<String>,
    /// A rate or cron expression.
    #[serde(default)]
    pub schedule: Option<String>,
    pub enabled: bool,
    /// For targets that name no role of their own.
    #[serde(default)]
    pub role_arn: Option<String>,
    /// The service that made it and alone may change it.
    #[serde(default)]
    pub managed_by: Option<String>,
    pub created_at: Timestamp,
    /// When its schedule or state was last changed: a rate counts from then.
    pub scheduled_at: Timestamp,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default)]
    pub targets: Vec<RuleTarget>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleTarget {
    pub id: String,
    pub arn: String,
    #[serde(default)]
    pub role_arn: Option<String>,
    pub input: Input,
    #[serde(default)]
    pub ecs: Option<EcsTarget>,
    #[serde(default)]
    pub http: Option<HttpParameters>,
    #[serde(default)]
    pub retry: Option<RetryPolicy>,
}

/// What a target is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// The whole event.
    Event,
    /// This JSON text whatever the event.
    Constant(String),
    /// The part of the event at a path.
    Path(String),
    Transformer {
        paths: BTreeMap<String, String>,
        template: String,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpParameters {
    /// For the `*`s of the destination's URL, in order.
    #[serde(default)]
    pub path_values: Vec<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub query: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    #[serde(default)]
    pub retries_max: Option<u32>,
    #[serde(default)]
    pub age_max_secs: Option<u64>,
}

impl Rule {
    /// Index: by the scope and the ARN of a target.
    pub const TARGET: &'static str = "target";
    /// Index: those with a schedule.
    pub const SCHEDULED: &'static str = "scheduled";

    /// Without a name: the prefix of the bus's rules. Names have no `:`, those of buses may have `/`.
    pub fn key_of(scope: &Scope, bus: &str, name: &str) -> String {
        scope.key(&format!("{bus}:{name}"))
    }

    pub fn arn(&self) -> String {
        arn_of(&self.scope, &self.bus, &self.name)
    }
}

pub fn arn_of(scope: &Scope, bus: &str, name: &str) -> String {
    match bus {
        DEFAULT_BUS => scope.arn("events", &format!("rule/{name}")),
        bus => scope.arn("events", &format!("rule/{bus}/{name}")),
    }
}

impl Record for Rule {
    const TABLE: &'static str = "event-rule";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.bus, &self.name)
    }

    fn index(&self, sink: IndexSink<'_>) {
        for target in &self.targets {
            sink(Self::TARGET, self.scope.key(&target.arn));
        }
        if self.schedule.is_some() {
            sink(Self::SCHEDULED, String::new());
        }
    }
}
