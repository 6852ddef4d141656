//! Which rules and schedules are due, and what follows from that.
//!
//! A time is due once. After a pause (the server was away) the last of the times that were missed is made up for, unless it is older
//! than a day or what its retry policy says; the ones before it are left out.

use std::time::Duration;

use serde_json::{Value, json};
use state_model::Scope;
use state_model::delivery::{Action, Call, Delivery};
use state_model::events::input::{self, Origin};
use state_model::events::rule::Rule;
use state_model::events::{PendingEvent, bus};
use state_model::logs::{LogStream, fnv64};
use state_model::schedule::{self, Expression, Rules, Skipped};
use state_model::scheduler::{Fired, Schedule};
use state_tables::View;
use stdx::clock::Timestamp;
use stdx::random::{self, Random};

use crate::events::action::{self, Brought};

/// The service in whose name schedules call.
const SCHEDULER: &str = "scheduler.amazonaws.com";

/// What has times.
#[derive(Clone, Copy, Debug)]
pub enum Timed<'a> {
    Rule(&'a Rule),
    Schedule(&'a Schedule),
}

/// Its times, and how far they have come.
struct Times {
    schedule: schedule::Schedule,
    /// When it was made or last changed.
    of: Timestamp,
    /// Times up to here are over.
    after: Timestamp,
    end: Option<Timestamp>,
    window: Duration,
    age_max: Duration,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    At(Timestamp),
    /// Nothing any more, and it is to go away then.
    Ended,
    Never,
}

/// What a time that has come brings about.
#[derive(Debug)]
pub struct Firing {
    pub deliveries: Vec<Delivery>,
    pub events: Vec<PendingEvent>,
    pub streams: Vec<LogStream>,
    pub fired: Fired,
    /// That was its last time, after which it is deleted.
    pub is_last: bool,
}

impl Timed<'_> {
    pub fn arn(&self) -> String {
        match self {
            Timed::Rule(rule) => rule.arn(),
            Timed::Schedule(schedule) => schedule.arn(),
        }
    }

    fn times(&self, view: &View) -> Option<Times> {
        const DAY: Duration = Duration::from_secs(86_400);
        let fired = view.schedules_fired.get(&self.arn());
        match self {
            Timed::Rule(rule) => {
                let text = rule.schedule.as_deref().filter(|_| rule.enabled)?;
                let schedule = schedule::Schedule {
                    expression: Expression::parse(text, Rules::EVENT_RULES).ok()?,
                    zone: schedule::zone("UTC")?,
                    anchor: rule.scheduled_at,
                    skipped: Skipped::Omitted,
                };
                let fired = fired.filter(|fired| fired.of == rule.scheduled_at).map(|fired| fired.at);
                let after = fired.unwrap_or(rule.scheduled_at);
                let (of, window) = (rule.scheduled_at, Duration::ZERO);
                Some(Times { schedule, of, after, end: None, window, age_max: DAY })
            }
            Timed::Schedule(record) => {
                let text = Some(&record.expression).filter(|_| record.enabled)?;
                // The first time may be the moment itself.
                let first = record.start.unwrap_or(record.modified_at).max(record.modified_at);
                let schedule = schedule::Schedule {
                    expression: Expression::parse(text, Rules::SCHEDULER).ok()?,
                    zone: schedule::zone(&record.zone)?,
                    anchor: record.start.unwrap_or(record.modified_at),
                    skipped: Skipped::Omitted,
                };
                let fired = fired.filter(|fired| fired.of == record.modified_at).map(|fired| fired.at);
                let minutes = u64::from(record.window_minutes.unwrap_or(0));
                let age = record.target.retry.as_ref().and_then(|retry| retry.age_max_secs);
                Some(Times {
                    schedule,
                    of: record.modified_at,
                    after: fired.unwrap_or(first.minus(Duration::from_millis(1))),
                    end: record.end,
                    window: Duration::from_secs(minutes * 60),
                    age_max: age.map_or(DAY, Duration::from_secs),
                })
            }
        }
    }

    fn is_deleted_after(&self) -> bool {
        matches!(self, Timed::Schedule(schedule) if schedule.delete_after && schedule.enabled)
    }
}

impl Times {
    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        schedule::next_time(&self.schedule, after).filter(|at| self.end.is_none_or(|end| *at <= end))
    }

    /// When a time is served: some moment of its window, the same whenever it is asked.
    fn served_at(&self, arn: &str, due: Timestamp) -> Timestamp {
        let window = u64::try_from(self.window.as_millis()).unwrap_or(0);
        let offset = if window == 0 { 0 } else { fnv64(format!("{arn} {due}").as_bytes()) % window };
        due.plus(Duration::from_millis(offset))
    }

    /// The time to serve now, when there is one.
    fn due(&self, arn: &str, now: Timestamp) -> Option<Timestamp> {
        let first = self.next(self.after).filter(|first| self.served_at(arn, *first) <= now)?;
        let until = self.end.map_or(now, |end| end.min(now));
        let last = schedule::last_due(&self.schedule, self.after, until).unwrap_or(first);
        // The last one may still be within its window, while an earlier one's is over.
        Some(if self.served_at(arn, last) <= now { last } else { first })
    }
}

/// When to look at it again.
pub fn next(view: &View, timed: Timed<'_>) -> Next {
    let times = timed.times(view);
    let next = times.as_ref().and_then(|times| Some((times, times.next(times.after)?)));
    match next {
        Some((times, due)) => Next::At(times.served_at(&timed.arn(), due)),
        None if times.is_some() && timed.is_deleted_after() => Next::Ended,
        None => Next::Never,
    }
}

/// What it brings about now; none when it isn't due.
pub fn fire(view: &View, timed: Timed<'_>, now: Timestamp, random: &dyn Random) -> Option<Firing> {
    let times = timed.times(view)?;
    let arn = timed.arn();
    let due = times.due(&arn, now)?;
    let mut firing = Firing {
        deliveries: Vec::new(),
        events: Vec::new(),
        streams: Vec::new(),
        fired: Fired { arn, of: times.of, at: due },
        is_last: timed.is_deleted_after() && times.next(due).is_none(),
    };
    if now.since(due) <= times.age_max {
        match timed {
            Timed::Rule(rule) => bring_rule(view, rule, due, now, random, &mut firing),
            Timed::Schedule(schedule) => bring_schedule(view, schedule, due, now, random, &mut firing),
        }
    }
    Some(firing)
}

fn bring_rule(
    view: &View,
    rule: &Rule,
    due: Timestamp,
    now: Timestamp,
    random: &dyn Random,
    firing: &mut Firing,
) {
    let arn = rule.arn();
    let id = random::uuid(random);
    let envelope = scheduled_event(&rule.scope, "aws.events", &id, &arn, due, &json!({}));
    let occasion = due.to_rfc3339_millis();
    for target in &rule.targets {
        let origin = Origin { rule_arn: &arn, rule_name: &rule.name, ingested_at: now };
        let payload = input::payload(&target.input, &envelope, origin);
        match action::of_rule_target(view, rule, target, &payload, &occasion, now, random) {
            Some(Brought::Delivery(delivery, stream)) => {
                firing.deliveries.push(*delivery);
                let is_new = |stream: &LogStream| !firing.streams.contains(stream);
                let stream = stream.filter(is_new);
                firing.streams.extend(stream);
            }
            Some(Brought::Event(scope, bus)) => {
                let event = PendingEvent::of_service(
                    &scope,
                    "aws.events",
                    "Scheduled Event",
                    vec![arn.clone()],
                    &json!({}),
                    now,
                    random,
                );
                let origin = Some(rule.scope.clone());
                firing.events.push(PendingEvent { bus, hops: 1, origin, time: due, ..event });
            }
            Some(Brought::Archived(_)) | None => {}
        }
    }
}

fn bring_schedule(
    view: &View,
    schedule: &Schedule,
    due: Timestamp,
    now: Timestamp,
    random: &dyn Random,
    firing: &mut Firing,
) {
    let target = &schedule.target;
    let arn = schedule.arn();
    let execution = random::uuid(random);
    let input = match &target.input {
        Some(input) => input
            .replace("<aws.scheduler.schedule-arn>", &arn)
            .replace("<aws.scheduler.scheduled-time>", &due.to_rfc3339_secs())
            .replace("<aws.scheduler.execution-id>", &execution)
            .replace("<aws.scheduler.attempt-number>", "1"),
        None => {
            scheduled_event(&schedule.scope, "aws.scheduler", &execution, &arn, due, &json!("{}")).to_string()
        }
    };
    let call = |service: &str, operation: &str, input: Value| {
        let action = Action::Call(Call {
            service: service.to_owned(),
            operation: operation.to_owned(),
            input: input.to_string(),
            role_arn: Some(target.role_arn.clone()),
            principal: SCHEDULER.to_owned(),
        });
        let retry = action::retry(target.retry.as_ref());
        Delivery::new(&schedule.scope, &arn, action, retry, now, random)
    };
    match (action::arn_service(&target.arn), &target.ecs, &target.event) {
        ("ecs", Some(ecs), _) => {
            let started_by = format!("chronos-schedule/{}", schedule.name);
            let token = action::client_token(&due.to_rfc3339_millis(), &arn);
            firing.deliveries.push(call(
                "ecs",
                "RunTask",
                ecs.run_task(&target.arn, &input, &started_by, &token),
            ));
        }
        ("sns", ..) => {
            let input = json!({"TopicArn": target.arn, "Message": input});
            firing.deliveries.push(call("sns", "Publish", input));
        }
        ("events", _, Some((detail_type, source))) => {
            let Some((scope, bus)) = bus::parse_arn(&target.arn) else { return };
            if !action::role_exists(view, &target.role_arn) {
                return;
            }
            let detail = serde_json::from_str(&input).unwrap_or_else(|_| json!({}));
            let resources = vec![arn.clone()];
            let event =
                PendingEvent::of_service(&scope, source, detail_type, resources, &detail, now, random);
            firing.events.push(PendingEvent { bus: bus.to_owned(), time: due, ..event });
        }
        _ => {}
    }
}

fn scheduled_event(
    scope: &Scope,
    source: &str,
    id: &str,
    arn: &str,
    due: Timestamp,
    detail: &Value,
) -> Value {
    json!({
        "version": "0",
        "id": id,
        "detail-type": "Scheduled Event",
        "source": source,
        "account": scope.account,
        "time": due.to_rfc3339_secs(),
        "region": scope.region,
        "resources": [arn],
        "detail": detail,
    })
}

#[cfg(test)]
mod tests;
