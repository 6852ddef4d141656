//! Which targets an event goes to, and what follows from that.

pub mod action;

use serde_json::{Value, json};
use state_model::Scope;
use state_model::delivery::Delivery;
use state_model::events::PendingEvent;
use state_model::events::input::{self, Origin};
use state_model::events::pattern::{Pattern, RuleIndex};
use state_model::events::rule::{Rule, RuleTarget};
use state_model::logs::{LogStream, fnv64};
use state_model::record;
use state_tables::View;
use stdx::clock::Timestamp;
use stdx::random::Random;

use crate::limits::{EVENT_DELIVERY_BYTES_MAX, EVENT_HOPS_MAX};
use action::Brought;

/// The rules of a bus, ready to be asked.
#[derive(Debug)]
pub struct BusRules {
    /// By the key of the rule.
    index: RuleIndex<String>,
}

/// The enabled rules of the bus that ask for events.
pub fn bus_rules(view: &View, scope: &Scope, bus: &str) -> BusRules {
    let prefix = Rule::key_of(scope, bus, "");
    let rules = view.event_rules.prefix(&prefix).filter(|(_, rule)| rule.enabled);
    let patterns = rules.filter_map(|(key, rule)| {
        // Checked when the rule was put.
        let pattern = Pattern::parse(rule.event_pattern.as_deref()?).ok()?;
        Some((key.to_owned(), pattern))
    });
    BusRules { index: RuleIndex::new(patterns.collect()) }
}

/// What one event brings about, as far as it fits in a commit.
#[derive(Debug, Default)]
pub struct Outcome {
    pub deliveries: Vec<Delivery>,
    /// For other buses.
    pub forwarded: Vec<PendingEvent>,
    /// Streams that deliveries to log groups write to and that don't exist yet.
    pub streams: Vec<LogStream>,
    /// Streams of archives that keep it.
    pub archives: Vec<String>,
    /// Not all targets fitted: the place of the last one that did.
    pub told: Option<String>,
    /// Of what the commit writes.
    pub bytes: usize,
}

/// What is left of a commit.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub writes: usize,
    pub bytes: usize,
}

impl Outcome {
    /// Writes of a commit, without those that take the event out.
    pub fn writes(&self) -> usize {
        self.deliveries.len() + self.forwarded.len() + self.streams.len()
    }

    fn take(&mut self, one: One) {
        match one {
            One::Delivery(delivery, stream) => {
                self.deliveries.push(*delivery);
                let is_new = |stream: &LogStream| !self.streams.contains(stream);
                let stream = stream.filter(is_new);
                self.streams.extend(stream);
            }
            One::Event(event) => self.forwarded.push(*event),
            One::Archived(stream) => self.archives.push(stream),
        }
    }
}

/// What one target makes of an event.
enum One {
    Delivery(Box<Delivery>, Option<LogStream>),
    Event(Box<PendingEvent>),
    Archived(String),
}

impl One {
    /// Of the commit.
    fn bytes(&self) -> usize {
        match self {
            One::Delivery(delivery, _) => record::encode(&**delivery).len(),
            One::Event(event) => record::encode(&**event).len(),
            One::Archived(_) => 0,
        }
    }
}

/// Writes that one target may cost: its delivery and the log stream that it goes to.
const WRITES_PER_TARGET: usize = 2;

/// The order of the targets of all rules: a line feed sorts before whatever names have.
fn place_of(rule_key: &str, index: usize) -> String {
    format!("{rule_key}\n{index:02}")
}

/// Decides for one event. `room`: what it may cost; less than one target needs is never enough for progress.
pub fn plan(
    view: &View,
    rules: &BusRules,
    event: &PendingEvent,
    room: Room,
    now: Timestamp,
    random: &dyn Random,
) -> Outcome {
    let envelope = envelope(event);
    let mut outcome = Outcome::default();
    let told = event.told.as_deref().unwrap_or_default();
    let mut last = told.to_owned();
    for key in rules.index.matches(&envelope) {
        let Some(rule) = view.event_rules.get(key).filter(|rule| is_for(event, rule)) else { continue };
        for (index, target) in rule.targets.iter().enumerate() {
            let place = place_of(key, index);
            if place.as_str() <= told {
                continue;
            }
            let Some(brought) = bring(view, rule, target, event, &envelope, now, random) else { continue };
            let bytes = brought.bytes();
            if bytes > EVENT_DELIVERY_BYTES_MAX {
                // No commit takes it, and no target takes a payload like that.
                continue;
            }
            if outcome.writes() + WRITES_PER_TARGET > room.writes || outcome.bytes + bytes > room.bytes {
                outcome.told = Some(last);
                return outcome;
            }
            outcome.bytes += bytes;
            outcome.take(brought);
            last = place;
        }
    }
    outcome
}

/// A replay may be meant for some rules only.
fn is_for(event: &PendingEvent, rule: &Rule) -> bool {
    event.replay.as_ref().is_none_or(|replay| replay.rules.is_empty() || replay.rules.contains(&rule.arn()))
}

fn bring(
    view: &View,
    rule: &Rule,
    target: &RuleTarget,
    event: &PendingEvent,
    envelope: &Value,
    now: Timestamp,
    random: &dyn Random,
) -> Option<One> {
    let rule_arn = rule.arn();
    let origin = Origin { rule_arn: &rule_arn, rule_name: &rule.name, ingested_at: event.accepted_at };
    let payload = input::payload(&target.input, envelope, origin);
    // None: what it names is gone.
    match action::of_rule_target(view, rule, target, &payload, &event.id, now, random)? {
        Brought::Delivery(delivery, stream) => Some(One::Delivery(delivery, stream)),
        Brought::Event(scope, bus) => {
            sent_on(event, scope, bus, (&rule_arn, &target.id), now).map(|event| One::Event(Box::new(event)))
        }
        Brought::Archived(stream) => Some(One::Archived(stream)),
    }
}

/// The event for another bus, with everything that it came with. None when it has gone round long enough.
fn sent_on(
    event: &PendingEvent,
    scope: Scope,
    bus: String,
    by: (&str, &str),
    now: Timestamp,
) -> Option<PendingEvent> {
    if event.hops >= EVENT_HOPS_MAX {
        return None;
    }
    let (rule_arn, target) = by;
    let via = fnv64(format!("{:?} {rule_arn} {target}", event.via).as_bytes());
    Some(PendingEvent {
        scope,
        bus,
        accepted_at: now.max(event.accepted_at),
        via: Some(via),
        hops: event.hops + 1,
        origin: Some(event.origin.as_ref().unwrap_or(&event.scope).clone()),
        told: None,
        replay: None,
        ..event.clone()
    })
}

/// The event as rules and targets see it.
pub fn envelope(event: &PendingEvent) -> Value {
    let detail = serde_json::from_str(&event.detail).unwrap_or_else(|_| json!({}));
    let origin = event.origin.as_ref().unwrap_or(&event.scope);
    let mut envelope = json!({
        "version": "0",
        "id": event.id,
        "detail-type": event.detail_type,
        "source": event.source,
        "account": origin.account,
        "time": event.time.to_rfc3339_secs(),
        "region": origin.region,
        "resources": event.resources,
    });
    if let Some(replay) = &event.replay {
        envelope["replay-name"] = json!(replay.name);
    }
    envelope["detail"] = detail;
    envelope
}

#[cfg(test)]
mod tests;
