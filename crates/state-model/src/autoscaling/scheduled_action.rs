//! Scheduled actions: new bounds at a time.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use super::SERVICE_NAMESPACE;
use super::schedule::Schedule;
use super::target::{resource_id, target_key};
use crate::Scope;
use crate::record::Record;

/// Written by the API; the scaling loop takes out what happens once and has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledAction {
    pub scope: Scope,
    pub cluster: String,
    pub service: String,
    pub name: String,
    /// A UUID.
    pub id: String,
    /// `at(…)`, `rate(…)` or `cron(…)`.
    pub schedule: String,
    /// An IANA name. None: UTC.
    #[serde(default)]
    pub time_zone: Option<String>,
    #[serde(default)]
    pub start: Option<Timestamp>,
    #[serde(default)]
    pub end: Option<Timestamp>,
    #[serde(default)]
    pub min_capacity: Option<u32>,
    #[serde(default)]
    pub max_capacity: Option<u32>,
    pub created_at: Timestamp,
    /// Times before it aren't caught up on.
    pub changed_at: Timestamp,
}

impl ScheduledAction {
    pub fn key_of(scope: &Scope, cluster: &str, service: &str, name: &str) -> String {
        format!("{}/{name}", target_key(scope, cluster, service))
    }

    /// How the keys of a target's actions begin.
    pub fn prefix(scope: &Scope, cluster: &str, service: &str) -> String {
        Self::key_of(scope, cluster, service, "")
    }

    pub fn arn(&self) -> String {
        let resource = resource_id(&self.cluster, &self.service);
        let (id, name) = (&self.id, &self.name);
        let path = format!("resource/{SERVICE_NAMESPACE}/{resource}:scheduledActionName/{name}");
        self.scope.arn("autoscaling", &format!("scheduledAction:{id}:{path}"))
    }

    /// The first time after `after` that it is due at. None when there is none any more.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let schedule = Schedule::parse(&self.schedule).ok()?;
        let anchor = self.start.unwrap_or(self.changed_at);
        // What begins at a time happens at that time too.
        let from = self.start.map_or(after, |start| after.max(Timestamp::from_millis(start.as_millis() - 1)));
        let at = schedule.next_after(from, anchor, self.start.is_some(), self.time_zone.as_deref())?;
        (self.end.is_none_or(|end| at <= end)).then_some(at)
    }

    /// Whether it is over with its first time.
    pub fn is_once(&self) -> bool {
        matches!(Schedule::parse(&self.schedule), Ok(Schedule::At(_)))
    }
}

impl Record for ScheduledAction {
    const TABLE: &'static str = "autoscaling-scheduled-action";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.cluster, &self.service, &self.name)
    }
}
