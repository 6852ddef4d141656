//! Alarms as the API shows them.

use state_model::cloudwatch::{
    Alarm, AlarmHistory, AlarmState, AlarmSuppression, CompositeWatch, MetricQuery, MetricSource, MetricStat,
    MetricWatch, Watch,
};
use state_tables::View;
use stdx::clock::Timestamp;
use wire_schema::Instant;
use wire_shapes_observe::cloudwatch as wire;

pub fn instant(at: Timestamp) -> Instant {
    Instant::from_millis(at.as_millis())
}

pub fn state_of(view: &View, alarm: &Alarm) -> AlarmState {
    let recorded = view.alarm_states.get(&Alarm::key_of(&alarm.scope, &alarm.name));
    AlarmState::current(alarm, recorded.map(|row| &**row.record()))
}

pub enum Shown {
    Metric(Box<wire::MetricAlarm>),
    Composite(Box<wire::CompositeAlarm>),
}

pub fn alarm(view: &View, alarm: &Alarm) -> Shown {
    match &alarm.watch {
        Watch::Metric(watch) => Shown::Metric(Box::new(metric_alarm(view, alarm, watch))),
        Watch::Composite(watch) => Shown::Composite(Box::new(composite_alarm(view, alarm, watch))),
    }
}

/// What DescribeAlarms shows of the relatives of an alarm.
pub fn relative(alarm: &Alarm, state: Option<AlarmState>) -> Shown {
    let (name, arn) = (Some(alarm.name.clone()), Some(alarm.arn()));
    let value = state.as_ref().map(|state| state.value.as_str().into());
    let updated_at = state.as_ref().map(|state| instant(state.updated_at));
    if alarm.is_composite() {
        return Shown::Composite(Box::new(wire::CompositeAlarm {
            alarm_name: name,
            alarm_arn: arn,
            state_value: value,
            state_updated_timestamp: updated_at,
            ..Default::default()
        }));
    }
    Shown::Metric(Box::new(wire::MetricAlarm {
        alarm_name: name,
        alarm_arn: arn,
        state_value: value,
        state_updated_timestamp: updated_at,
        ..Default::default()
    }))
}

/// What alarms of both kinds tell.
macro_rules! common {
    ($shape:ident, $view:expr, $alarm:expr) => {{
        let state = state_of($view, $alarm);
        wire::$shape {
            alarm_name: Some($alarm.name.clone()),
            alarm_arn: Some($alarm.arn()),
            alarm_description: $alarm.description.clone(),
            alarm_configuration_updated_timestamp: Some(instant($alarm.configured_at)),
            actions_enabled: Some($alarm.actions_enabled),
            ok_actions: Some($alarm.ok_actions.clone()),
            alarm_actions: Some($alarm.alarm_actions.clone()),
            insufficient_data_actions: Some($alarm.insufficient_data_actions.clone()),
            state_value: Some(state.value.as_str().into()),
            state_reason: Some(state.reason),
            state_reason_data: state.reason_data,
            state_updated_timestamp: Some(instant(state.updated_at)),
            state_transitioned_timestamp: Some(instant(state.transitioned_at)),
            ..Default::default()
        }
    }};
}

pub fn metric_alarm(view: &View, alarm: &Alarm, watch: &MetricWatch) -> wire::MetricAlarm {
    let one = match &watch.source {
        MetricSource::One(stat) => Some(stat),
        MetricSource::Math(_) => None,
    };
    let plain = one.filter(|stat| !stat.is_extended());
    let extended = one.filter(|stat| stat.is_extended());
    let low_samples = watch.evaluate_low_sample_count;
    wire::MetricAlarm {
        metric_name: one.map(|stat| stat.name.clone()),
        namespace: one.map(|stat| stat.namespace.clone()),
        statistic: plain.map(|stat| stat.stat.as_str().into()),
        extended_statistic: extended.map(|stat| stat.stat.clone()),
        dimensions: Some(one.map(dimensions).unwrap_or_default()),
        period: one.map(|stat| number(stat.period_secs)),
        unit: one.and_then(|stat| stat.unit.as_deref()).map(Into::into),
        metrics: match &watch.source {
            MetricSource::One(_) => None,
            MetricSource::Math(queries) => Some(queries.iter().map(query).collect()),
        },
        evaluation_periods: Some(number(watch.evaluation_periods)),
        datapoints_to_alarm: watch.datapoints_to_alarm.map(number),
        threshold: Some(watch.threshold),
        comparison_operator: Some(watch.comparison.as_str().into()),
        treat_missing_data: Some(watch.treat_missing_data.as_str().to_owned()),
        evaluate_low_sample_count_percentile: low_samples
            .map(|evaluates| String::from(if evaluates { "evaluate" } else { "ignore" })),
        ..common!(MetricAlarm, view, alarm)
    }
}

fn composite_alarm(view: &View, alarm: &Alarm, watch: &CompositeWatch) -> wire::CompositeAlarm {
    let held = view.alarm_suppressions.get(&Alarm::key_of(&alarm.scope, &alarm.name));
    let held: Option<&AlarmSuppression> =
        held.map(|row| &**row.record()).filter(|held| held.uid == alarm.uid);
    let suppressor = watch.suppressor.as_ref();
    wire::CompositeAlarm {
        alarm_rule: Some(watch.rule.clone()),
        actions_suppressor: suppressor.map(|suppressor| suppressor.alarm.clone()),
        actions_suppressor_wait_period: suppressor.map(|suppressor| number(suppressor.wait_secs)),
        actions_suppressor_extension_period: suppressor.map(|suppressor| number(suppressor.extension_secs)),
        actions_suppressed_by: held.map(|held| held.by.as_str().into()),
        actions_suppressed_reason: held.map(|held| held.reason.clone()),
        ..common!(CompositeAlarm, view, alarm)
    }
}

fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn dimensions(stat: &MetricStat) -> Vec<wire::Dimension> {
    let dimensions = stat.dimensions.iter();
    dimensions
        .map(|(name, value)| wire::Dimension { name: Some(name.clone()), value: Some(value.clone()) })
        .collect()
}

fn query(query: &MetricQuery) -> wire::MetricDataQuery {
    let stat = query.stat.as_ref();
    wire::MetricDataQuery {
        id: Some(query.id.clone()),
        metric_stat: stat.map(|stat| wire::MetricStat {
            metric: Some(wire::Metric {
                namespace: Some(stat.namespace.clone()),
                metric_name: Some(stat.name.clone()),
                dimensions: Some(dimensions(stat)),
            }),
            period: Some(number(stat.period_secs)),
            stat: Some(stat.stat.clone()),
            unit: stat.unit.as_deref().map(Into::into),
        }),
        expression: query.expression.clone(),
        period: query.period_secs.map(number),
        label: query.label.clone(),
        return_data: Some(query.return_data),
        ..Default::default()
    }
}

pub fn history_item(item: &AlarmHistory) -> wire::AlarmHistoryItem {
    let kind = if item.is_composite { wire::AlarmType::CompositeAlarm } else { wire::AlarmType::MetricAlarm };
    wire::AlarmHistoryItem {
        alarm_name: Some(item.name.clone()),
        alarm_type: Some(kind),
        timestamp: Some(instant(item.at)),
        history_item_type: Some(item.kind.as_str().into()),
        history_summary: Some(item.summary.clone()),
        history_data: Some(item.data.clone()),
        ..Default::default()
    }
}
