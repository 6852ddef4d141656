//! Records of EventBridge Scheduler.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::events::ecs_target::EcsTarget;
use crate::events::rule::RetryPolicy;
use crate::record::{IndexSink, Record};

pub const DEFAULT_GROUP: &str = "default";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    pub scope: Scope,
    pub group: String,
    pub name: String,
    pub expression: String,
    /// A name of the IANA database.
    pub zone: String,
    #[serde(default)]
    pub start: Option<Timestamp>,
    #[serde(default)]
    pub end: Option<Timestamp>,
    #[serde(default)]
    pub description: Option<String>,
    pub enabled: bool,
    pub target: ScheduleTarget,
    /// Of a flexible window.
    #[serde(default)]
    pub window_minutes: Option<u32>,
    /// It goes away when its last time has come.
    pub delete_after: bool,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    /// Of the request that made it.
    #[serde(default)]
    pub client_token: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduleTarget {
    pub arn: String,
    pub role_arn: String,
    #[serde(default)]
    pub input: Option<String>,
    #[serde(default)]
    pub ecs: Option<EcsTarget>,
    /// The detail type and source of the event that is sent.
    #[serde(default)]
    pub event: Option<(String, String)>,
    #[serde(default)]
    pub retry: Option<RetryPolicy>,
}

impl Schedule {
    /// With an empty name: the prefix of the group's schedules.
    pub fn key_of(scope: &Scope, group: &str, name: &str) -> String {
        scope.key(&format!("{group}/{name}"))
    }

    pub fn arn(&self) -> String {
        self.scope.arn("scheduler", &format!("schedule/{}/{}", self.group, self.name))
    }
}

impl Record for Schedule {
    const TABLE: &'static str = "schedule";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.group, &self.name)
    }
}

/// Each region has the default group, also before there is a record of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleGroup {
    pub scope: Scope,
    pub name: String,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    /// Its schedules are being deleted, then it goes as well.
    #[serde(default)]
    pub is_deleting: bool,
    #[serde(default)]
    pub client_token: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl ScheduleGroup {
    pub fn new(scope: &Scope, name: &str, now: Timestamp) -> Self {
        Self {
            scope: scope.clone(),
            name: name.to_owned(),
            created_at: now,
            modified_at: now,
            is_deleting: false,
            client_token: None,
            tags: BTreeMap::new(),
        }
    }

    pub fn key_of(scope: &Scope, name: &str) -> String {
        scope.key(name)
    }

    pub fn arn(&self) -> String {
        self.scope.arn("scheduler", &format!("schedule-group/{}", self.name))
    }
}

impl Record for ScheduleGroup {
    const TABLE: &'static str = "schedule-group";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.name)
    }

    fn index(&self, sink: IndexSink<'_>) {
        if self.is_deleting {
            sink(Self::DELETING, String::new());
        }
    }
}

impl ScheduleGroup {
    /// Index: those that are being deleted.
    pub const DELETING: &'static str = "deleting";
}

/// How far a rule's or schedule's times have come. Written with what a time brought about, by the schedules loop alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fired {
    /// The ARN of the rule or schedule.
    pub arn: String,
    /// When that was made or last changed: what fired before says nothing of what it is now.
    pub of: Timestamp,
    /// The last time that was due; a flexible window may have put off what it brought about.
    pub at: Timestamp,
}

impl Record for Fired {
    const TABLE: &'static str = "schedule-fired";

    fn key(&self) -> String {
        self.arn.clone()
    }
}
