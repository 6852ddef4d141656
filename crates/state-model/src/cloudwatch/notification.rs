//! What topics and buses are told of an alarm, in CloudWatch's form.

use serde_json::{Map, Value, json};
use stdx::clock::Timestamp;

use super::transition::TriggeringChild;
use super::{
    Alarm, AlarmState, CompositeWatch, MetricQuery, MetricSource, MetricStat, MetricWatch, STATISTICS,
    StateValue, Watch,
};

/// SNS takes no more.
const SUBJECT_CHARS_MAX: usize = 100;

/// Names of regions as notifications have them.
const REGIONS: [(&str, &str); 18] = [
    ("us-east-1", "US East (N. Virginia)"),
    ("us-east-2", "US East (Ohio)"),
    ("us-west-1", "US West (N. California)"),
    ("us-west-2", "US West (Oregon)"),
    ("ca-central-1", "Canada (Central)"),
    ("sa-east-1", "South America (Sao Paulo)"),
    ("eu-central-1", "EU (Frankfurt)"),
    ("eu-west-1", "EU (Ireland)"),
    ("eu-west-2", "EU (London)"),
    ("eu-west-3", "EU (Paris)"),
    ("eu-north-1", "EU (Stockholm)"),
    ("eu-south-1", "EU (Milan)"),
    ("ap-south-1", "Asia Pacific (Mumbai)"),
    ("ap-southeast-1", "Asia Pacific (Singapore)"),
    ("ap-southeast-2", "Asia Pacific (Sydney)"),
    ("ap-northeast-1", "Asia Pacific (Tokyo)"),
    ("ap-northeast-2", "Asia Pacific (Seoul)"),
    ("ap-northeast-3", "Asia Pacific (Osaka)"),
];

fn region_name(region: &str) -> &str {
    REGIONS.iter().find(|(code, _)| *code == region).map_or(region, |(_, name)| name)
}

/// `2025-11-21T05:33:00.123+0000`
pub fn aws_time(at: Timestamp) -> String {
    at.to_rfc3339_millis().replace('Z', "+0000")
}

pub fn subject(alarm: &Alarm, value: StateValue) -> String {
    let region = region_name(&alarm.scope.region);
    let subject = format!("{}: \"{}\" in {region}", value.as_str(), alarm.name);
    // A subject is one line of printable characters; names may have others.
    let printable =
        subject.chars().map(|next| if next.is_ascii_graphic() || next == ' ' { next } else { '?' });
    printable.take(SUBJECT_CHARS_MAX).collect()
}

/// The body that SNS carries.
pub fn message(alarm: &Alarm, former: StateValue, state: &AlarmState, children: &[TriggeringChild]) -> Value {
    let mut message = json!({
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": alarm.scope.account,
        "AlarmConfigurationUpdatedTimestamp": aws_time(alarm.configured_at),
        "NewStateValue": state.value.as_str(),
        "NewStateReason": state.reason,
        "StateChangeTime": aws_time(state.updated_at),
        "Region": region_name(&alarm.scope.region),
        "AlarmArn": alarm.arn(),
        "OldStateValue": former.as_str(),
        "OKActions": alarm.ok_actions,
        "AlarmActions": alarm.alarm_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
    });
    match &alarm.watch {
        Watch::Metric(watch) => message["Trigger"] = trigger(watch),
        Watch::Composite(watch) => {
            message["AlarmRule"] = json!(watch.rule);
            let child = |child: &TriggeringChild| {
                json!({
                    "Arn": child.arn,
                    "State": { "Value": child.value.as_str(), "Timestamp": aws_time(child.at) },
                })
            };
            message["TriggeringChildren"] = children.iter().map(child).collect();
        }
    }
    message
}

fn trigger(watch: &MetricWatch) -> Value {
    let mut trigger = Map::new();
    match &watch.source {
        MetricSource::One(stat) => {
            trigger.insert("MetricName".into(), json!(stat.name));
            trigger.insert("Namespace".into(), json!(stat.namespace));
            let plain = STATISTICS.iter().find(|(name, _)| *name == stat.stat);
            match plain {
                Some((_, upper)) => {
                    trigger.insert("StatisticType".into(), json!("Statistic"));
                    trigger.insert("Statistic".into(), json!(upper));
                }
                None => {
                    trigger.insert("StatisticType".into(), json!("ExtendedStatistic"));
                    trigger.insert("ExtendedStatistic".into(), json!(stat.stat));
                }
            }
            trigger.insert("Unit".into(), json!(stat.unit));
            let dimensions = stat.dimensions.iter();
            let dimensions = dimensions.map(|(name, value)| json!({ "value": value, "name": name }));
            trigger.insert("Dimensions".into(), dimensions.collect());
        }
        MetricSource::Math(queries) => {
            trigger.insert("Metrics".into(), queries.iter().map(query_of_message).collect());
        }
    }
    trigger.insert("Period".into(), json!(watch.source.period_secs()));
    trigger.insert("EvaluationPeriods".into(), json!(watch.evaluation_periods));
    if let Some(count) = watch.datapoints_to_alarm {
        trigger.insert("DatapointsToAlarm".into(), json!(count));
    }
    trigger.insert("ComparisonOperator".into(), json!(watch.comparison.as_str()));
    trigger.insert("Threshold".into(), json!(watch.threshold));
    trigger.insert("TreatMissingData".into(), json!(watch.treat_missing_data.as_str()));
    let low_samples = watch.evaluate_low_sample_count.map_or("", low_sample_word);
    trigger.insert("EvaluateLowSampleCountPercentile".into(), json!(low_samples));
    Value::Object(trigger)
}

pub(super) fn low_sample_word(evaluates: bool) -> &'static str {
    if evaluates { "evaluate" } else { "ignore" }
}

fn query_of_message(query: &MetricQuery) -> Value {
    let mut told = json!({ "Id": query.id, "ReturnData": query.return_data });
    if let Some(stat) = &query.stat {
        let dimensions = stat.dimensions.iter();
        let dimensions: Value =
            dimensions.map(|(name, value)| json!({ "value": value, "name": name })).collect();
        told["MetricStat"] = json!({
            "Metric": { "Dimensions": dimensions, "MetricName": stat.name, "Namespace": stat.namespace },
            "Period": stat.period_secs,
            "Stat": stat.stat,
        });
    }
    for (member, value) in [("Expression", &query.expression), ("Label", &query.label)] {
        if let Some(value) = value {
            told[member] = json!(value);
        }
    }
    if let Some(period) = query.period_secs {
        told["Period"] = json!(period);
    }
    told
}

/// The `detail` of the event.
pub fn event_detail(alarm: &Alarm, former: &AlarmState, state: &AlarmState) -> Value {
    let mut configuration = match &alarm.watch {
        Watch::Metric(watch) => json!({ "metrics": event_metrics(&watch.source) }),
        Watch::Composite(watch) => composite_configuration(watch),
    };
    if let Some(description) = &alarm.description {
        configuration["description"] = json!(description);
    }
    json!({
        "alarmName": alarm.name,
        "state": event_state(state),
        "previousState": event_state(former),
        "configuration": configuration,
    })
}

fn event_state(state: &AlarmState) -> Value {
    let mut told = json!({
        "value": state.value.as_str(),
        "reason": state.reason,
        "timestamp": aws_time(state.updated_at),
    });
    if let Some(data) = &state.reason_data {
        told["reasonData"] = json!(data);
    }
    told
}

fn composite_configuration(watch: &CompositeWatch) -> Value {
    let mut told = json!({ "alarmRule": watch.rule });
    if let Some(suppressor) = &watch.suppressor {
        told["actionsSuppressor"] = json!(suppressor.alarm);
        told["actionsSuppressorWaitPeriod"] = json!(suppressor.wait_secs);
        told["actionsSuppressorExtensionPeriod"] = json!(suppressor.extension_secs);
    }
    told
}

fn event_metrics(source: &MetricSource) -> Value {
    let of_query = |query: &MetricQuery| {
        let mut told = json!({ "id": query.id, "returnData": query.return_data });
        if let Some(stat) = &query.stat {
            told["metricStat"] = event_stat(stat);
        }
        for (member, value) in [("expression", &query.expression), ("label", &query.label)] {
            if let Some(value) = value {
                told[member] = json!(value);
            }
        }
        told
    };
    match source {
        // The alarm's own query has no id: CloudWatch gives it one of the form of a UUID. Its metric says enough.
        MetricSource::One(stat) => {
            json!([{ "id": "m1", "metricStat": event_stat(stat), "returnData": true }])
        }
        MetricSource::Math(queries) => queries.iter().map(of_query).collect(),
    }
}

fn event_stat(stat: &MetricStat) -> Value {
    let mut told = json!({
        "metric": { "namespace": stat.namespace, "name": stat.name, "dimensions": stat.dimensions },
        "period": stat.period_secs,
        "stat": stat.stat,
    });
    if let Some(unit) = &stat.unit {
        told["unit"] = json!(unit);
    }
    told
}

/// All of what was asked for, as the history has it.
pub fn configuration(alarm: &Alarm) -> Value {
    let mut told = json!({
        "alarmDescription": alarm.description,
        "actionsEnabled": alarm.actions_enabled,
        "okActions": alarm.ok_actions,
        "alarmActions": alarm.alarm_actions,
        "insufficientDataActions": alarm.insufficient_data_actions,
    });
    let more = match &alarm.watch {
        Watch::Composite(watch) => composite_configuration(watch),
        Watch::Metric(watch) => metric_configuration(watch),
    };
    if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
        told.extend(more);
    }
    told
}

fn metric_configuration(watch: &MetricWatch) -> Value {
    let mut told = match &watch.source {
        MetricSource::Math(_) => json!({ "metrics": event_metrics(&watch.source) }),
        MetricSource::One(stat) => {
            let dimensions = stat.dimensions.iter();
            let dimensions: Value =
                dimensions.map(|(name, value)| json!({ "name": name, "value": value })).collect();
            let member = if stat.is_extended() { "extendedStatistic" } else { "statistic" };
            json!({
                "metricName": stat.name, "namespace": stat.namespace, "dimensions": dimensions, member: stat.stat,
                "period": stat.period_secs, "unit": stat.unit,
            })
        }
    };
    told["evaluationPeriods"] = json!(watch.evaluation_periods);
    told["datapointsToAlarm"] = json!(watch.datapoints_to_alarm);
    told["threshold"] = json!(watch.threshold);
    told["comparisonOperator"] = json!(watch.comparison.as_str());
    told["treatMissingData"] = json!(watch.treat_missing_data.as_str());
    told["evaluateLowSampleCountPercentile"] = json!(watch.evaluate_low_sample_count.map(low_sample_word));
    told
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use stdx::random::SeededRandom;

    use super::super::transition::{Actions, Next, transition};
    use super::super::{Comparison, TreatMissingData, Windows};
    use super::*;
    use crate::Scope;

    fn alarm() -> Alarm {
        let stat = MetricStat {
            namespace: "AWS/ECS".into(),
            name: "CPUUtilization".into(),
            dimensions: BTreeMap::from([("ServiceName".into(), "web".into())]),
            period_secs: 60,
            stat: "Average".into(),
            unit: None,
        };
        Alarm {
            scope: Scope::new("000000000000", "us-east-1"),
            name: "high".into(),
            watch: Watch::Metric(Box::new(MetricWatch {
                source: MetricSource::One(stat),
                comparison: Comparison::GreaterThanThreshold,
                threshold: 70.0,
                evaluation_periods: 3,
                datapoints_to_alarm: None,
                treat_missing_data: TreatMissingData::Missing,
                evaluate_low_sample_count: None,
                windows: Windows::Aligned,
            })),
            description: None,
            actions_enabled: true,
            ok_actions: Vec::new(),
            alarm_actions: vec![
                "arn:aws:sns:us-east-1:000000000000:pager".into(),
                "arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:x".into(),
            ],
            insufficient_data_actions: Vec::new(),
            tags: BTreeMap::new(),
            uid: "0".repeat(32),
            created_at: Timestamp::from_secs(1_000),
            configured_at: Timestamp::from_secs(1_000),
        }
    }

    fn next() -> Next {
        Next { value: StateValue::Alarm, reason: "because".into(), reason_data: None }
    }

    #[test]
    fn a_transition_tells_topics_and_leaves_policies_to_look() {
        let alarm = alarm();
        let random = SeededRandom::shared(1);
        let former = AlarmState::current(&alarm, None);
        let now = Timestamp::from_secs(2_000);
        let change = transition(&alarm, &former, next(), Actions::Run, &[], now, &*random);
        let kinds: Vec<&str> = change.history.iter().map(|item| item.summary.as_str()).collect();
        assert_eq!(
            kinds,
            [
                "Alarm updated from INSUFFICIENT_DATA to ALARM",
                "Successfully executed action arn:aws:sns:us-east-1:000000000000:pager",
            ]
        );
        let [message] = change.messages.as_slice() else { panic!("one topic: {:?}", change.messages) };
        assert_eq!(message.subject.as_deref(), Some("ALARM: \"high\" in US East (N. Virginia)"));
        let body: Value = serde_json::from_str(&message.message).expect("it is JSON");
        assert_eq!(body["Trigger"]["Statistic"], "AVERAGE");
        assert_eq!(body["OldStateValue"], "INSUFFICIENT_DATA");
        assert_eq!(body["StateChangeTime"], "1970-01-01T00:33:20.000+0000");
        let detail: Value = serde_json::from_str(&change.event.detail).expect("it is JSON");
        assert_eq!(detail["previousState"]["value"], "INSUFFICIENT_DATA");
        assert_eq!(detail["configuration"]["metrics"][0]["metricStat"]["metric"]["name"], "CPUUtilization");
    }

    #[test]
    fn disabled_and_suppressed_actions_do_not_run() {
        let random = SeededRandom::shared(1);
        let now = Timestamp::from_secs(2_000);
        for (enabled, actions) in [(false, Actions::Run), (true, Actions::Suppressed)] {
            let alarm = Alarm { actions_enabled: enabled, ..alarm() };
            let former = AlarmState::current(&alarm, None);
            let change = transition(&alarm, &former, next(), actions, &[], now, &*random);
            assert_eq!((change.messages.len(), change.history.len()), (0, 1));
            assert_eq!(change.state.transitioned_at, now);
        }
    }
}
