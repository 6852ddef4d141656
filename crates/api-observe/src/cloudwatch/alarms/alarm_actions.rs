//! EnableAlarmActions and DisableAlarmActions.

use api_auth::Context;
use state_model::cloudwatch::Alarm;
use state_model::cloudwatch::transition::{self, Configured};
use state_tables::alarm_changes;
use wire_schema::{Empty, ServiceError};
use wire_shapes_observe::cloudwatch as wire;

use super::super::CloudWatch;
use super::limits::ALARMS_PER_TRANSACTION;
use super::render;
use super::violations::{AlarmConstraints, Violations};

pub async fn enable_alarm_actions(
    context: Context<CloudWatch>,
    input: wire::EnableAlarmActionsInput,
) -> Result<Empty, ServiceError> {
    switch(&context, "EnableAlarmActions", input.alarm_names, true).await
}

pub async fn disable_alarm_actions(
    context: Context<CloudWatch>,
    input: wire::DisableAlarmActionsInput,
) -> Result<Empty, ServiceError> {
    switch(&context, "DisableAlarmActions", input.alarm_names, false).await
}

/// Alarms that don't exist are passed over.
async fn switch(
    context: &Context<CloudWatch>,
    operation: &str,
    given: Option<Vec<String>>,
    enabled: bool,
) -> Result<Empty, ServiceError> {
    let action = format!("cloudwatch:{operation}");
    for name in given.iter().flatten() {
        context.authorise(&action, &context.scope.arn("cloudwatch", &format!("alarm:{name}")))?;
    }
    let mut violations = Violations::default();
    violations.required(given.as_ref(), "alarmNames");
    let mut names = given.unwrap_or_default();
    violations.alarm_names(&names);
    violations.check()?;
    names.sort_unstable();
    names.dedup();
    for batch in names.chunks(ALARMS_PER_TRANSACTION) {
        context
            .transact(|view, transaction| {
                for name in batch {
                    let Some(row) = view.alarms.get(&Alarm::key_of(&context.scope, name)) else { continue };
                    if row.actions_enabled == enabled {
                        continue;
                    }
                    let next = Alarm {
                        actions_enabled: enabled,
                        configured_at: context.now,
                        ..Alarm::clone(row.record())
                    };
                    transaction.update(row, &next);
                    let state = render::state_of(view, row);
                    let kind = Configured::Updated;
                    let item = transition::configured(&next, kind, &state, context.now, &*context.random);
                    alarm_changes::tell(view, transaction, &[item]);
                }
                Ok(())
            })
            .await?;
    }
    Ok(Empty {})
}
