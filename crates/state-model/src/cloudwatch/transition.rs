//! What follows from an alarm's new state: records that are written together, or not at all.

use serde_json::{Value, json};
use stdx::clock::Timestamp;
use stdx::random::Random;

use super::history::{AlarmHistory, HistoryKind};
use super::notification::{self, aws_time};
use super::{Alarm, AlarmState, StateValue};
use crate::events::PendingEvent;
use crate::sns::PendingMessage;

pub const INITIAL_REASON: &str = "Unchecked: Initial alarm creation";

/// The state that an alarm comes into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    pub value: StateValue,
    pub reason: String,
    /// JSON.
    pub reason_data: Option<String>,
}

/// Whether the transition's actions run with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actions {
    Run,
    /// They are held back: an [`super::AlarmSuppression`] is written as well.
    Suppressed,
}

/// A child that had a part in a composite alarm's transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggeringChild {
    pub arn: String,
    pub value: StateValue,
    pub at: Timestamp,
}

/// Everything that one transition writes.
#[derive(Clone, Debug)]
pub struct Change {
    pub state: AlarmState,
    pub history: Vec<AlarmHistory>,
    pub messages: Vec<PendingMessage>,
    pub event: PendingEvent,
}

/// What actions did, apart from the state.
#[derive(Clone, Debug, Default)]
pub struct Performed {
    pub history: Vec<AlarmHistory>,
    pub messages: Vec<PendingMessage>,
}

impl AlarmState {
    /// The alarm's state: what is recorded of this very alarm, or what a new one begins with.
    pub fn current(alarm: &Alarm, recorded: Option<&AlarmState>) -> Self {
        match recorded.filter(|state| state.uid == alarm.uid) {
            Some(state) => state.clone(),
            None => Self {
                scope: alarm.scope.clone(),
                name: alarm.name.clone(),
                uid: alarm.uid.clone(),
                value: StateValue::InsufficientData,
                reason: INITIAL_REASON.to_owned(),
                reason_data: None,
                updated_at: alarm.created_at,
                transitioned_at: alarm.created_at,
            },
        }
    }

    pub fn with(&self, next: Next, now: Timestamp) -> Self {
        let transitioned_at = if next.value == self.value { self.transitioned_at } else { now };
        let Next { value, reason, reason_data } = next;
        Self { value, reason, reason_data, updated_at: now, transitioned_at, ..self.clone() }
    }
}

/// From `former` to `next`, which is another value.
pub fn transition(
    alarm: &Alarm,
    former: &AlarmState,
    next: Next,
    actions: Actions,
    children: &[TriggeringChild],
    now: Timestamp,
    random: &dyn Random,
) -> Change {
    let state = former.with(next, now);
    let data = json!({
        "version": "1.0",
        "oldState": told(former),
        "newState": told(&state),
    });
    let summary = format!("Alarm updated from {} to {}", former.value.as_str(), state.value.as_str());
    let mut history = vec![AlarmHistory::of(alarm, HistoryKind::StateUpdate, summary, &data, 0, now, random)];
    let performed = match actions {
        Actions::Run => perform(alarm, former.value, &state, children, now, random),
        Actions::Suppressed => Performed::default(),
    };
    history.extend(performed.history);
    let event = PendingEvent::of_service(
        &alarm.scope,
        "aws.cloudwatch",
        "CloudWatch Alarm State Change",
        vec![alarm.arn()],
        &notification::event_detail(alarm, former, &state),
        now,
        random,
    );
    Change { state, history, messages: performed.messages, event }
}

/// Notifies the topics of the state. Scaling policies aren't told, and the history doesn't claim it: they look at alarms themselves.
pub fn perform(
    alarm: &Alarm,
    former: StateValue,
    state: &AlarmState,
    children: &[TriggeringChild],
    now: Timestamp,
    random: &dyn Random,
) -> Performed {
    let mut performed = Performed::default();
    if !alarm.actions_enabled {
        return performed;
    }
    let actions = alarm.actions(state.value);
    for (place, arn) in actions.iter().filter(|arn| is_topic(arn)).enumerate() {
        let text = notification::message(alarm, former, state, children).to_string();
        let subject = notification::subject(alarm, state.value);
        let message = json!({ "default": text });
        performed.messages.push(PendingMessage::of_service(arn, &subject, text, now, random));
        let data = json!({
            "actionState": "Succeeded",
            "stateUpdateTimestamp": state.updated_at.as_millis(),
            "notificationResource": arn,
            "publishedMessage": message.to_string(),
            "error": null,
        });
        let summary = format!("Successfully executed action {arn}");
        performed.history.push(AlarmHistory::of(
            alarm,
            HistoryKind::Action,
            summary,
            &data,
            place + 1,
            now,
            random,
        ));
    }
    performed
}

/// That actions are held back, or that they no longer are.
pub fn held_back(
    alarm: &Alarm,
    by: super::SuppressedBy,
    reason: &str,
    now: Timestamp,
    random: &dyn Random,
) -> AlarmHistory {
    let data = json!({
        "actionState": "Suppressed",
        "stateUpdateTimestamp": now.as_millis(),
        "actionsSuppressedBy": by.as_str(),
        "actionsSuppressedReason": reason,
    });
    let summary = format!("Actions suppressed by {}", by.as_str());
    AlarmHistory::of(alarm, HistoryKind::Action, summary, &data, 90, now, random)
}

pub fn is_topic(arn: &str) -> bool {
    arn.split(':').nth(2) == Some("sns")
}

fn told(state: &AlarmState) -> Value {
    let mut told = json!({ "stateValue": state.value.as_str(), "stateReason": state.reason });
    if let Some(data) = &state.reason_data {
        // What SetAlarmState was given needn't be JSON.
        told["stateReasonData"] = serde_json::from_str(data).unwrap_or_else(|_| json!(data));
    }
    told
}

/// What an alarm is made of, as the history of its configuration shows it.
pub fn configured(
    alarm: &Alarm,
    kind: Configured,
    state: &AlarmState,
    now: Timestamp,
    random: &dyn Random,
) -> AlarmHistory {
    let (word, member, summary) = match kind {
        Configured::Created => ("Create", "createdAlarm", "created"),
        Configured::Updated => ("Update", "updatedAlarm", "updated"),
        Configured::Deleted => ("Delete", "deletedAlarm", "deleted"),
    };
    let mut told = notification::configuration(alarm);
    told["alarmArn"] = json!(alarm.arn());
    told["alarmName"] = json!(alarm.name);
    told["stateValue"] = json!(state.value.as_str());
    told["alarmConfigurationUpdatedTimestamp"] = json!(aws_time(alarm.configured_at));
    let data = json!({ "version": "1.0", "type": word, member: told });
    let summary = format!("Alarm \"{}\" {summary}", alarm.name);
    AlarmHistory::of(alarm, HistoryKind::ConfigurationUpdate, summary, &data, 0, now, random)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Configured {
    Created,
    Updated,
    Deleted,
}
