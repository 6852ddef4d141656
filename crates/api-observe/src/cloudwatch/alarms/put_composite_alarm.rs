use api_auth::Context;
use state_model::cloudwatch::rule::Rule;
use state_model::cloudwatch::{CompositeWatch, Suppressor, Watch};
use wire_schema::{Empty, ServiceError};
use wire_shapes_observe::cloudwatch as wire;

use super::super::CloudWatch;
use super::actions::Actions;
use super::composite;
use super::errors::{invalid, unserved};
use super::limits::{DESCRIPTION_CHARS_MAX, RULE_CHARS_MAX, SUPPRESSOR_SECS_MAX};
use super::put_metric_alarm::Wanted;
use super::violations::{AlarmConstraints, Violations};

pub async fn put_composite_alarm(
    context: Context<CloudWatch>,
    input: wire::PutCompositeAlarmInput,
) -> Result<Empty, ServiceError> {
    let name = input.alarm_name.clone().unwrap_or_default();
    let arn = context.scope.arn("cloudwatch", &format!("alarm:{name}"));
    context.authorise("cloudwatch:PutCompositeAlarm", &arn)?;
    let suppressor = suppressor(&input)?;
    let actions = Actions::of(input.ok_actions, input.alarm_actions, input.insufficient_data_actions);
    let mut violations = Violations::default();
    violations.alarm_name(input.alarm_name.as_ref(), "alarmName");
    violations.required(input.alarm_rule.as_ref(), "alarmRule");
    violations.length(input.alarm_rule.as_deref(), "alarmRule", 1, RULE_CHARS_MAX);
    violations.length(input.alarm_description.as_deref(), "alarmDescription", 0, DESCRIPTION_CHARS_MAX);
    actions.constrain(&mut violations);
    violations.check()?;
    if input.action_configuration.is_some() {
        return Err(unserved("ActionConfiguration: settings of notifications are"));
    }
    let text = input.alarm_rule.unwrap_or_default();
    let rule = Rule::parse(&text, &context.scope)
        .map_err(|error| invalid(format!("AlarmRule is not valid: {error}.")))?;
    actions.check(&context.scope, true)?;
    let watch = CompositeWatch { rule: text, suppressor };
    let wanted = Wanted {
        name,
        watch: Watch::Composite(watch.clone()),
        description: input.alarm_description,
        actions_enabled: input.actions_enabled.unwrap_or(true),
        actions,
        tags: input.tags.unwrap_or_default(),
    };
    context
        .transact(|view, transaction| {
            composite::check(&context.scope, view, transaction, &wanted.name, &rule, &watch)?;
            wanted.put(&context, view, transaction)
        })
        .await?;
    Ok(Empty {})
}

fn suppressor(input: &wire::PutCompositeAlarmInput) -> Result<Option<Suppressor>, ServiceError> {
    let (wait, extension) = (input.actions_suppressor_wait_period, input.actions_suppressor_extension_period);
    let Some(alarm) = &input.actions_suppressor else {
        if wait.is_some() || extension.is_some() {
            return Err(invalid(
                "ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod can only be specified together with \
                 ActionsSuppressor.",
            ));
        }
        return Ok(None);
    };
    let (Some(wait), Some(extension)) = (wait, extension) else {
        return Err(invalid(
            "ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod must be specified together with \
             ActionsSuppressor.",
        ));
    };
    let mut violations = Violations::default();
    violations.length(Some(alarm), "actionsSuppressor", 1, 1600);
    violations.in_range(Some(wait), "actionsSuppressorWaitPeriod", 0, SUPPRESSOR_SECS_MAX);
    violations.in_range(Some(extension), "actionsSuppressorExtensionPeriod", 0, SUPPRESSOR_SECS_MAX);
    violations.check()?;
    let seconds = |given: i32| u32::try_from(given).unwrap_or(0);
    Ok(Some(Suppressor {
        alarm: alarm.clone(),
        wait_secs: seconds(wait),
        extension_secs: seconds(extension),
    }))
}
