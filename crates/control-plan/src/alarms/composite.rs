//! Composite alarms: their state, and what becomes of actions that are held back.

use std::time::Duration;

use serde_json::json;
use state_model::cloudwatch::notification::aws_time;
use state_model::cloudwatch::rule::Rule;
use state_model::cloudwatch::transition::{Next, TriggeringChild};
use state_model::cloudwatch::{AlarmState, AlarmSuppression, StateValue, SuppressedBy, Suppressor};
use stdx::clock::Timestamp;

/// Children that a reason tells of.
const CHILDREN_TOLD_MAX: usize = 10;

/// A child of a composite alarm, as far as it exists.
#[derive(Clone, Debug)]
pub struct Child {
    pub arn: String,
    pub state: AlarmState,
}

/// A transition and the children that it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub next: Next,
    pub children: Vec<TriggeringChild>,
}

/// The state that the rule gives; none when the alarm is in it. A child that is gone has no data.
pub fn evaluate(rule: &Rule, current: StateValue, children: &[Child]) -> Option<Decision> {
    let value_of = |name: &str| {
        let child = children.iter().find(|child| child.state.name == name);
        child.map_or(StateValue::InsufficientData, |child| child.state.value)
    };
    let value = if rule.is_met(&value_of) { StateValue::Alarm } else { StateValue::Ok };
    if value == current {
        return None;
    }
    // The child that changed last is what the transition comes from.
    let mut newest: Vec<&Child> = children.iter().collect();
    newest.sort_by(|left, right| {
        (right.state.transitioned_at, &left.arn).cmp(&(left.state.transitioned_at, &right.arn))
    });
    newest.truncate(CHILDREN_TOLD_MAX);
    let reason = match newest.first() {
        None => format!("The rule is always {}", if value == StateValue::Alarm { "TRUE" } else { "FALSE" }),
        Some(child) => format!(
            "{} transitioned to {} at {}",
            child.arn,
            child.state.value.as_str(),
            long_time(child.state.transitioned_at)
        ),
    };
    let triggering = newest.first().map(|child| TriggeringChild {
        arn: child.arn.clone(),
        value: child.state.value,
        at: child.state.transitioned_at,
    });
    let data = newest.iter().map(|child| {
        json!({
            "arn": child.arn,
            "state": {
                "value": child.state.value.as_str(),
                "timestamp": aws_time(child.state.transitioned_at),
            },
        })
    });
    let data = json!({ "triggeringAlarms": data.take(1).collect::<serde_json::Value>() });
    let next = Next { value, reason, reason_data: Some(data.to_string()) };
    Some(Decision { next, children: triggering.into_iter().collect() })
}

/// `Friday 21 November, 2025 05:30:00 UTC`
fn long_time(at: Timestamp) -> String {
    // The epoch was a Thursday.
    const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let text = at.to_rfc3339_secs();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let day = usize::try_from(at.as_secs().div_euclid(86_400).rem_euclid(7)).unwrap_or(0);
    let month = part(5, 7).parse().unwrap_or(1_usize).clamp(1, 12) - 1;
    let (day, month) = (DAYS[day], MONTHS[month]);
    format!("{day} {} {month}, {} {} UTC", part(8, 10), part(0, 4), part(11, 19))
}

/// What becomes of held back actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Not before then, unless the suppressor changes.
    Wait(Option<Timestamp>),
    /// They go on being held back, by something else.
    By(SuppressedBy),
    /// They run, if the state isn't the one that was told already.
    Release,
}

pub fn follow(
    suppression: &AlarmSuppression,
    suppressor: &Suppressor,
    state: StateValue,
    now: Timestamp,
) -> Step {
    let until = |secs: u32| suppression.since.plus(Duration::from_secs(u64::from(secs)));
    let is_alarm = state == StateValue::Alarm;
    match suppression.by {
        SuppressedBy::Alarm if is_alarm => Step::Wait(None),
        SuppressedBy::Alarm if suppressor.extension_secs > 0 => Step::By(SuppressedBy::ExtensionPeriod),
        SuppressedBy::Alarm => Step::Release,
        SuppressedBy::WaitPeriod | SuppressedBy::ExtensionPeriod if is_alarm => Step::By(SuppressedBy::Alarm),
        SuppressedBy::WaitPeriod => wait(until(suppressor.wait_secs), now),
        SuppressedBy::ExtensionPeriod => wait(until(suppressor.extension_secs), now),
    }
}

fn wait(until: Timestamp, now: Timestamp) -> Step {
    if now >= until { Step::Release } else { Step::Wait(Some(until)) }
}
