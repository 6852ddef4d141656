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
use state_tables::View;
use stdx::clock::Timestamp;
use stdx::random::Random;

use crate::limits::EVENT_HOPS_MAX;
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
    /// Not all targets fitted: the last rule whose targets did.
    pub told: Option<String>,
}

impl Outcome {
    /// Writes of a commit, without those that take the event out.
    pub fn writes(&self) -> usize {
        self.deliveries.len() + self.forwarded.len() + self.streams.len()
    }
}

/// Writes that one target may cost: its delivery and the log stream that it goes to.
const WRITES_PER_TARGET: usize = 2;

/// Decides for one event. `room`: writes that it may cost; less than one rule's targets need is never enough for progress.
pub fn plan(
    view: &View,
    rules: &BusRules,
    event: &PendingEvent,
    room: usize,
    now: Timestamp,
    random: &dyn Random,
) -> Outcome {
    let envelope = envelope(event);
    let mut outcome = Outcome::default();
    let told = event.told.as_deref().unwrap_or_default();
    let mut last = None;
    for key in rules.index.matches(&envelope) {
        let Some(rule) = view.event_rules.get(key).filter(|_| key.as_str() > told) else { continue };
        if !is_for(event, rule) {
            continue;
        }
        if outcome.writes() + rule.targets.len() * WRITES_PER_TARGET > room {
            outcome.told = Some(last.unwrap_or(told).to_owned());
            break;
        }
        for target in &rule.targets {
            bring(view, rule, target, event, &envelope, now, random, &mut outcome);
        }
        last = Some(key);
    }
    outcome
}

/// A replay may be meant for some rules only.
fn is_for(event: &PendingEvent, rule: &Rule) -> bool {
    event.replay.as_ref().is_none_or(|replay| replay.rules.is_empty() || replay.rules.contains(&rule.arn()))
}

#[expect(clippy::too_many_arguments, reason = "the parts of one decision")]
fn bring(
    view: &View,
    rule: &Rule,
    target: &RuleTarget,
    event: &PendingEvent,
    envelope: &Value,
    now: Timestamp,
    random: &dyn Random,
    outcome: &mut Outcome,
) {
    let rule_arn = rule.arn();
    let origin = Origin { rule_arn: &rule_arn, rule_name: &rule.name, ingested_at: event.accepted_at };
    let payload = input::payload(&target.input, envelope, origin);
    match action::of_rule_target(view, rule, target, &payload, &event.id, now, random) {
        Some(Brought::Delivery(delivery, stream)) => {
            outcome.deliveries.push(*delivery);
            let is_new = |stream: &LogStream| !outcome.streams.contains(stream);
            outcome.streams.extend(stream.filter(is_new));
        }
        Some(Brought::Event(scope, bus)) => {
            if let Some(sent_on) = sent_on(event, scope, bus, (&rule_arn, &target.id), now) {
                outcome.forwarded.push(sent_on);
            }
        }
        Some(Brought::Archived(stream)) => outcome.archives.push(stream),
        // What it names is gone.
        None => {}
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
