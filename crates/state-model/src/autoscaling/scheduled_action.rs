//! Scheduled actions: new bounds at a time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use super::SERVICE_NAMESPACE;
use super::target::{resource_id, target_key};
use crate::Scope;
use crate::record::Record;
use crate::schedule::{self, Expression, Rules, Schedule, ScheduleError, Skipped};

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

    /// # Errors
    /// When the text isn't one.
    pub fn read_schedule(text: &str) -> Result<Expression, ScheduleError> {
        Expression::parse(text, Rules::SCALING)
    }

    /// The first time after `after` that it is due at. None when there is none any more.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let schedule = Schedule {
            expression: Self::read_schedule(&self.schedule).ok()?,
            zone: schedule::zone(self.time_zone.as_deref().unwrap_or("UTC"))?,
            anchor: self.start.unwrap_or(self.changed_at),
            skipped: Skipped::Moved,
        };
        // What begins at a time happens at that time too; a change is no such time.
        let first = self.start.map_or(self.changed_at, |start| start.minus(Duration::from_millis(1)));
        let at = schedule::next_time(&schedule, after.max(first))?;
        (self.end.is_none_or(|end| at <= end)).then_some(at)
    }

    /// Whether it is over with its first time.
    pub fn is_once(&self) -> bool {
        matches!(Self::read_schedule(&self.schedule), Ok(Expression::At(_)))
    }
}

impl Record for ScheduledAction {
    const TABLE: &'static str = "autoscaling-scheduled-action";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.cluster, &self.service, &self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap_or_else(|| panic!("{text} is a time"))
    }

    fn action(schedule: &str, zone: Option<&str>) -> ScheduledAction {
        ScheduledAction {
            scope: Scope::new("000000000000", "eu-west-1"),
            cluster: "main".into(),
            service: "web".into(),
            name: "daily".into(),
            id: "id".into(),
            schedule: schedule.into(),
            time_zone: zone.map(str::to_owned),
            start: None,
            end: None,
            min_capacity: None,
            max_capacity: None,
            created_at: time("2026-01-01T00:00:00Z"),
            changed_at: time("2026-01-01T00:00:00Z"),
        }
    }

    #[track_caller]
    fn check_action(action: &ScheduledAction, after: &str, expect: [&str; 2]) {
        let mut at = Some(time(after));
        let found = [(); 2].map(|()| {
            at = at.and_then(|at| action.next_after(at));
            at.map_or_else(|| "never".to_owned(), |at| at.to_rfc3339_secs())
        });
        assert_eq!(found, expect, "{} after {after}", action.schedule);
    }

    /// The next two times.
    #[track_caller]
    fn check(schedule: &str, zone: Option<&str>, after: &str, expect: [&str; 2]) {
        check_action(&action(schedule, zone), after, expect);
    }

    #[test]
    fn schedules_have_their_next_times() {
        let after = "2026-03-27T10:30:00Z";
        check("at(2026-04-01T08:00:00)", None, after, ["2026-04-01T08:00:00Z", "never"]);
        check("at(2026-04-01T08:00:00)", Some("Europe/Berlin"), after, ["2026-04-01T06:00:00Z", "never"]);
        check("at(2026-01-01T08:00:00)", None, after, ["never", "never"]);
        check("rate(1 hour)", None, after, ["2026-03-27T11:00:00Z", "2026-03-27T12:00:00Z"]);
        check(
            "rate(5 minutes)",
            None,
            "2025-12-31T00:00:00Z",
            ["2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"],
        );
        check("rate(7 days)", None, after, ["2026-04-02T00:00:00Z", "2026-04-09T00:00:00Z"]);
        check("cron(0 18 ? * MON-FRI *)", None, after, ["2026-03-27T18:00:00Z", "2026-03-30T18:00:00Z"]);
        check("cron(0/15 10 * * ? *)", None, after, ["2026-03-27T10:45:00Z", "2026-03-28T10:00:00Z"]);
        check("cron(0 0 1 1/6 ? *)", None, after, ["2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"]);
        check("cron(0 0 L * ? *)", None, after, ["2026-03-31T00:00:00Z", "2026-04-30T00:00:00Z"]);
        check("cron(0 0 LW * ? *)", None, after, ["2026-03-31T00:00:00Z", "2026-04-30T00:00:00Z"]);
        check("cron(0 0 15W * ? *)", None, after, ["2026-04-15T00:00:00Z", "2026-05-15T00:00:00Z"]);
        check("cron(0 0 1W 8 ? *)", None, after, ["2026-08-03T00:00:00Z", "2027-08-02T00:00:00Z"]);
        check("cron(0 0 ? * 6#3 *)", None, after, ["2026-04-17T00:00:00Z", "2026-05-15T00:00:00Z"]);
        check("cron(0 0 ? * 6L *)", None, after, ["2026-04-24T00:00:00Z", "2026-05-29T00:00:00Z"]);
        check("cron(0 0 29 2 ? *)", None, after, ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]);
        check("cron(0 0 1 1 ? 2030,2031)", None, after, ["2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"]);
        check("cron(0 0 1 1 ? 2025)", None, after, ["never", "never"]);
    }

    #[test]
    fn clocks_that_change_neither_lose_nor_repeat_a_time() {
        let berlin = Some("Europe/Berlin");
        // 2026-03-29: there is no 02:30.
        let expect = ["2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"];
        check("cron(30 2 * * ? *)", berlin, "2026-03-28T12:00:00Z", expect);
        // 2026-10-25: 02:30 comes twice.
        let expect = ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"];
        check("cron(30 2 * * ? *)", berlin, "2026-10-24T12:00:00Z", expect);
    }

    #[test]
    fn a_start_is_a_time_itself_and_an_end_is_the_last_one() {
        let (start, end) = (time("2026-02-01T10:00:00Z"), time("2026-02-01T11:00:00Z"));
        let hourly = ScheduledAction { start: Some(start), end: Some(end), ..action("rate(1 hour)", None) };
        let expect = ["2026-02-01T10:00:00Z", "2026-02-01T11:00:00Z"];
        check_action(&hourly, "2026-01-15T00:00:00Z", expect);
        check_action(&hourly, "2026-02-01T10:30:00Z", ["2026-02-01T11:00:00Z", "never"]);
        let daily = ScheduledAction { start: Some(start), ..action("cron(0 10 * * ? *)", None) };
        check_action(&daily, "2026-01-15T00:00:00Z", ["2026-02-01T10:00:00Z", "2026-02-02T10:00:00Z"]);
    }

    #[test]
    fn what_happens_once_is_told_apart() {
        assert!(action("at(2026-04-01T08:00:00)", None).is_once());
        assert!(!action("rate(1 hour)", None).is_once());
    }
}
