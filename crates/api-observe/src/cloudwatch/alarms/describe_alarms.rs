use std::collections::BTreeSet;

use api_auth::Context;
use state_model::cloudwatch::rule::Rule;
use state_model::cloudwatch::{Alarm, Watch};
use state_tables::{View, page};
use wire_schema::ServiceError;
use wire_shapes_observe::cloudwatch as wire;

use super::super::CloudWatch;
use super::composite;
use super::errors::{bad_token, invalid, unknown_alarm};
use super::limits::{ACTION_CHARS_MAX, ALARMS_PER_PAGE, NAME_CHARS_MAX, RECORDS_MAX};
use super::render::{self, Shown};
use super::violations::{AlarmConstraints, Violations};

pub async fn describe_alarms(
    context: Context<CloudWatch>,
    input: wire::DescribeAlarmsInput,
) -> Result<wire::DescribeAlarmsOutput, ServiceError> {
    context.authorise("cloudwatch:DescribeAlarms", "*")?;
    check(&input)?;
    let view = context.view();
    let scope = &context.scope;
    let parameters = parameters(&context, &input);
    let place = |token: &String| page::place(&parameters, token).ok_or_else(bad_token);
    let after = input.next_token.as_ref().map(place).transpose()?;
    let given = input.alarm_names.as_deref().unwrap_or_default();
    let relatives = relatives(&context, &view, &input)?;
    let names: Option<BTreeSet<&str>> = match (&relatives, given.is_empty()) {
        (Some(relatives), _) => Some(relatives.iter().map(String::as_str).collect()),
        (None, false) => Some(given.iter().map(String::as_str).collect()),
        (None, true) => None,
    };
    let prefix = scope.key(input.alarm_name_prefix.as_deref().unwrap_or_default());
    let keys = names.map(|names| names.into_iter().map(|name| Alarm::key_of(scope, name)));
    // In the order of names, from the last one of the page before.
    let rows: Box<dyn Iterator<Item = (&str, &Alarm)>> = match keys {
        Some(keys) => Box::new(
            keys.filter(|key| after.as_ref().is_none_or(|after| key > after))
                .filter_map(|key| view.alarms.get_with_key(&key))
                .map(|(key, row)| (key, &**row.record())),
        ),
        None => {
            Box::new(view.alarms.after(&prefix, after.as_deref()).map(|(key, row)| (key, &**row.record())))
        }
    };
    let limit = input.max_records.and_then(|most| usize::try_from(most).ok());
    let limit = limit.unwrap_or_else(|| ALARMS_PER_PAGE.max(given.len()));
    let matching = rows.filter(|(_, alarm)| relatives.is_some() || is_wanted(&view, &input, alarm));
    let mut output = wire::DescribeAlarmsOutput {
        metric_alarms: Some(Vec::new()),
        composite_alarms: Some(Vec::new()),
        log_alarms: Some(Vec::new()),
        next_token: None,
    };
    let alarms;
    (alarms, output.next_token) = page::take(matching, limit, &parameters);
    for alarm in alarms {
        let shown = match (&input.parents_of_alarm_name, &input.children_of_alarm_name) {
            (Some(_), _) => render::relative(alarm, None),
            (_, Some(_)) => render::relative(alarm, Some(render::state_of(&view, alarm))),
            _ => render::alarm(&view, alarm),
        };
        match shown {
            Shown::Metric(alarm) => output.metric_alarms.get_or_insert_default().push(*alarm),
            Shown::Composite(alarm) => output.composite_alarms.get_or_insert_default().push(*alarm),
        }
    }
    Ok(output)
}

fn check(input: &wire::DescribeAlarmsInput) -> Result<(), ServiceError> {
    let mut violations = Violations::default();
    violations.alarm_names(input.alarm_names.as_deref().unwrap_or_default());
    violations.alarm_types(input.alarm_types.as_deref().unwrap_or_default());
    violations.state_value(input.state_value.as_ref());
    violations.in_range(input.max_records, "maxRecords", 1, RECORDS_MAX);
    for (text, member, max) in [
        (&input.alarm_name_prefix, "alarmNamePrefix", NAME_CHARS_MAX),
        (&input.children_of_alarm_name, "childrenOfAlarmName", NAME_CHARS_MAX),
        (&input.parents_of_alarm_name, "parentsOfAlarmName", NAME_CHARS_MAX),
        (&input.action_prefix, "actionPrefix", ACTION_CHARS_MAX),
    ] {
        violations.length(text.as_deref(), member, 1, max);
    }
    violations.check()?;
    let has_names = input.alarm_names.as_ref().is_some_and(|names| !names.is_empty());
    if has_names && input.alarm_name_prefix.is_some() {
        return Err(invalid("AlarmNames and AlarmNamePrefix must not be specified together."));
    }
    let relatives = [&input.children_of_alarm_name, &input.parents_of_alarm_name];
    let relatives = relatives.iter().filter(|name| name.is_some()).count();
    let has_others = has_names
        || input.alarm_name_prefix.is_some()
        || input.action_prefix.is_some()
        || input.state_value.is_some()
        || input.alarm_types.as_ref().is_some_and(|types| !types.is_empty());
    if relatives > 1 || (relatives == 1 && has_others) {
        return Err(invalid(
            "ChildrenOfAlarmName and ParentsOfAlarmName can only be specified together with MaxRecords and NextToken.",
        ));
    }
    Ok(())
}

/// What must be the same for the next page.
fn parameters(context: &Context<CloudWatch>, input: &wire::DescribeAlarmsInput) -> String {
    let same = wire::DescribeAlarmsInput { max_records: None, next_token: None, ..input.clone() };
    format!("{} {same:?}", context.scope)
}

/// Names of the children or parents that were asked for.
fn relatives(
    context: &Context<CloudWatch>,
    view: &View,
    input: &wire::DescribeAlarmsInput,
) -> Result<Option<BTreeSet<String>>, ServiceError> {
    let find = |name: &String| {
        let key = Alarm::key_of(&context.scope, name);
        view.alarms.get(&key).map(|row| (key, row)).ok_or_else(|| unknown_alarm(name))
    };
    if let Some(name) = &input.children_of_alarm_name {
        let (_, row) = find(name)?;
        let Watch::Composite(watch) = &row.watch else {
            return Err(invalid(format!("{name} is not a composite alarm")));
        };
        let rule = Rule::parse(&watch.rule, &context.scope);
        return Ok(Some(rule.iter().flat_map(|rule| rule.children()).map(str::to_owned).collect()));
    }
    let Some(name) = &input.parents_of_alarm_name else { return Ok(None) };
    let (key, _) = find(name)?;
    Ok(Some(composite::parents(view, &key).map(|parent| parent.name.clone()).collect()))
}

fn is_wanted(view: &View, input: &wire::DescribeAlarmsInput, alarm: &Alarm) -> bool {
    let types = input.alarm_types.as_deref().unwrap_or_default();
    let own =
        if alarm.is_composite() { wire::AlarmType::CompositeAlarm } else { wire::AlarmType::MetricAlarm };
    let is_type = if types.is_empty() { !alarm.is_composite() } else { types.contains(&own) };
    let mut actions =
        alarm.ok_actions.iter().chain(&alarm.alarm_actions).chain(&alarm.insufficient_data_actions);
    is_type
        && input
            .action_prefix
            .as_ref()
            .is_none_or(|prefix| actions.any(|action| action.starts_with(prefix.as_str())))
        && input
            .state_value
            .as_ref()
            .is_none_or(|value| render::state_of(view, alarm).value.as_str() == value.as_str())
}
