use api_auth::Context;
use state_model::cloudwatch::AlarmHistory;
use state_tables::{View, page};
use wire_schema::ServiceError;
use wire_shapes_observe::cloudwatch as wire;

use super::super::CloudWatch;
use super::errors::{bad_token, unserved};
use super::limits::{NAME_CHARS_MAX, RECORDS_MAX};
use super::render;
use super::violations::{AlarmConstraints, Violations};

pub async fn describe_alarm_history(
    context: Context<CloudWatch>,
    input: wire::DescribeAlarmHistoryInput,
) -> Result<wire::DescribeAlarmHistoryOutput, ServiceError> {
    context.authorise("cloudwatch:DescribeAlarmHistory", "*")?;
    check(&input)?;
    let same = wire::DescribeAlarmHistoryInput { max_records: None, next_token: None, ..input.clone() };
    let parameters = format!("{} {same:?}", context.scope);
    let place = |token: &String| page::place(&parameters, token).ok_or_else(bad_token);
    let after = input.next_token.as_ref().map(place).transpose()?;
    let view = context.view();
    let prefix = context.scope.key("");
    let limit = usize::try_from(input.max_records.unwrap_or(RECORDS_MAX)).unwrap_or(1);
    let matching =
        items(&view, &input, (&prefix, after.as_deref())).filter(|(_, item)| is_wanted(&input, item));
    let (shown, next_token) = page::take(matching, limit, &parameters);
    let shown = shown.into_iter().map(render::history_item).collect();
    Ok(wire::DescribeAlarmHistoryOutput { alarm_history_items: Some(shown), next_token })
}

fn check(input: &wire::DescribeAlarmHistoryInput) -> Result<(), ServiceError> {
    if input.alarm_contributor_id.is_some() {
        return Err(unserved("AlarmContributorId: contributors are"));
    }
    let mut violations = Violations::default();
    violations.length(input.alarm_name.as_deref(), "alarmName", 1, NAME_CHARS_MAX);
    violations.alarm_types(input.alarm_types.as_deref().unwrap_or_default());
    violations.in_range(input.max_records, "maxRecords", 1, RECORDS_MAX);
    violations.one_of(
        input.history_item_type.as_ref().map(wire::HistoryItemType::as_str),
        "historyItemType",
        wire::HistoryItemType::VALUES,
    );
    violations.one_of(input.scan_by.as_ref().map(wire::ScanBy::as_str), "scanBy", wire::ScanBy::VALUES);
    violations.check()
}

type Items<'v> = Box<dyn Iterator<Item = (&'v str, &'v AlarmHistory)> + 'v>;

/// In the order that was asked for, from behind the page before.
fn items<'v>(
    view: &'v View,
    input: &wire::DescribeAlarmHistoryInput,
    (prefix, after): (&'v str, Option<&'v str>),
) -> Items<'v> {
    let is_ascending = input.scan_by == Some(wire::ScanBy::TimestampAscending);
    let Some(name) = &input.alarm_name else {
        let rows: Items<'v> = if is_ascending {
            Box::new(view.alarm_history.after(prefix, after).map(|(key, row)| (key, &**row.record())))
        } else {
            // Keys of scopes end with a slash: what sorts before the next character has the prefix.
            Box::new(view.alarm_history.before(prefix, after).map(|(key, row)| (key, &**row.record())))
        };
        return rows;
    };
    let rows = view.alarm_history.entries_by(AlarmHistory::ALARM, &format!("{prefix}{name}"));
    let mut rows: Vec<_> = rows.map(|(key, row)| (key, &**row.record())).collect();
    if !is_ascending {
        rows.reverse();
    }
    if let Some(after) = after {
        rows.retain(|(key, _)| if is_ascending { *key > after } else { *key < after });
    }
    Box::new(rows.into_iter())
}

fn is_wanted(input: &wire::DescribeAlarmHistoryInput, item: &AlarmHistory) -> bool {
    let types = input.alarm_types.as_deref().unwrap_or_default();
    let own = if item.is_composite { wire::AlarmType::CompositeAlarm } else { wire::AlarmType::MetricAlarm };
    let is_type = if types.is_empty() { !item.is_composite } else { types.contains(&own) };
    is_type
        && input.history_item_type.as_ref().is_none_or(|kind| kind.as_str() == item.kind.as_str())
        && input.start_date.is_none_or(|start| item.at.as_millis() >= start.millis)
        && input.end_date.is_none_or(|end| item.at.as_millis() <= end.millis)
}
