use api_auth::Context;
use state_model::cloudwatch::transition::{self, Actions, Next};
use state_model::cloudwatch::{Alarm, StateValue};
use state_tables::{Transaction, View, alarm_changes};
use wire_schema::{Empty, ServiceError};
use wire_shapes_observe::cloudwatch as wire;

use super::super::CloudWatch;
use super::errors::{bad_format, unknown_alarm};
use super::limits::{STATE_REASON_CHARS_MAX, STATE_REASON_DATA_CHARS_MAX};
use super::render;
use super::violations::{AlarmConstraints, Violations};

/// Until the next evaluation finds another state. Its actions run when the state is another one.
pub async fn set_alarm_state(
    context: Context<CloudWatch>,
    input: wire::SetAlarmStateInput,
) -> Result<Empty, ServiceError> {
    let name = input.alarm_name.clone().unwrap_or_default();
    let arn = context.scope.arn("cloudwatch", &format!("alarm:{name}"));
    context.authorise("cloudwatch:SetAlarmState", &arn)?;
    let mut violations = Violations::default();
    violations.alarm_name(input.alarm_name.as_ref(), "alarmName");
    violations.required(input.state_value.as_ref(), "stateValue");
    violations.state_value(input.state_value.as_ref());
    violations.required(input.state_reason.as_ref(), "stateReason");
    violations.length(input.state_reason.as_deref(), "stateReason", 0, STATE_REASON_CHARS_MAX);
    violations.length(input.state_reason_data.as_deref(), "stateReasonData", 0, STATE_REASON_DATA_CHARS_MAX);
    violations.check()?;
    let data = input.state_reason_data.filter(|data| !data.is_empty());
    if data.as_ref().is_some_and(|data| serde_json::from_str::<serde_json::Value>(data).is_err()) {
        return Err(bad_format("StateReasonData was not syntactically valid JSON."));
    }
    let value = input.state_value.as_ref().and_then(|value| StateValue::parse(value.as_str()));
    let next = Next {
        value: value.unwrap_or(StateValue::InsufficientData),
        reason: input.state_reason.unwrap_or_default(),
        reason_data: data,
    };
    context.transact(|view, transaction| set(&context, view, transaction, &name, &next)).await?;
    Ok(Empty {})
}

fn set(
    context: &Context<CloudWatch>,
    view: &View,
    transaction: &mut Transaction,
    name: &str,
    next: &Next,
) -> Result<(), ServiceError> {
    let key = Alarm::key_of(&context.scope, name);
    let alarm = view.alarms.get(&key).ok_or_else(|| unknown_alarm(name))?;
    let former = render::state_of(view, alarm);
    transaction.expect(alarm);
    if former.value == next.value {
        let state = former.with(next.clone(), context.now);
        match view.alarm_states.get(&key) {
            Some(row) => transaction.update(row, &state),
            None => transaction.insert(&state),
        }
        return Ok(());
    }
    let held = state_tables::alarm_suppressors::hold_back(view, alarm, former.value, context.now);
    let actions = if held.is_some() { Actions::Suppressed } else { Actions::Run };
    let mut change =
        transition::transition(alarm, &former, next.clone(), actions, &[], context.now, &*context.random);
    if let Some(held) = held {
        held.write(transaction, alarm, &mut change.history, context.now, &*context.random);
    }
    alarm_changes::write(view, transaction, &change);
    Ok(())
}
