//! The alarms that target tracking makes for itself.

use std::collections::BTreeMap;

use stdx::clock::Timestamp;

use super::policy::{ScalingPolicy, TargetTracking, TrackedMetric};
use super::target::resource_id;
use crate::cloudwatch::{
    Alarm, Comparison, MetricSource, MetricStat, MetricWatch, TreatMissingData, Watch, Windows,
};

/// What scales in begins at this part of the target: the room between is where nothing happens.
const LOW_PART: f64 = 0.9;

/// How long a load has to last before the alarms tell of it.
struct Timing {
    period_secs: u32,
    high_periods: u32,
    low_periods: u32,
    windows: Windows,
}

const STANDARD: Timing =
    Timing { period_secs: 60, high_periods: 3, low_periods: 15, windows: Windows::Aligned };

/// A load step is seen after 20 seconds, and its end after two and a half minutes.
const HIGH_RESOLUTION: Timing =
    Timing { period_secs: 10, high_periods: 2, low_periods: 15, windows: Windows::Sliding };

pub fn is_high_resolution(metric_type: &str) -> bool {
    metric_type.ends_with("HighResolution")
}

pub fn high_alarm_name(policy: &ScalingPolicy, tracking: &TargetTracking) -> String {
    name(policy, "AlarmHigh", &tracking.high_alarm_id)
}

pub fn low_alarm_name(policy: &ScalingPolicy, tracking: &TargetTracking) -> String {
    name(policy, "AlarmLow", &tracking.low_alarm_id)
}

fn name(policy: &ScalingPolicy, side: &str, id: &str) -> String {
    format!("TargetTracking-{}-{side}-{id}", resource_id(&policy.cluster, &policy.service))
}

/// The alarm that calls for more and, where the policy scales in, the one that calls for less. `uids` are 32 hexadecimal
/// digits each.
pub fn tracking_alarms(
    policy: &ScalingPolicy,
    tracking: &TargetTracking,
    uids: [String; 2],
    now: Timestamp,
) -> Vec<Alarm> {
    let timing = timing(&tracking.metric);
    let [high_uid, low_uid] = uids;
    let action = format!("{}:createdBy/{}", policy.arn(), tracking.created_by);
    let alarm = |name: String, uid, comparison, threshold, evaluation_periods| Alarm {
        scope: policy.scope.clone(),
        name,
        watch: Watch::Metric(Box::new(MetricWatch {
            source: source(policy, &tracking.metric, timing.period_secs),
            comparison,
            threshold,
            evaluation_periods,
            datapoints_to_alarm: None,
            treat_missing_data: TreatMissingData::Missing,
            evaluate_low_sample_count: None,
            windows: timing.windows,
        })),
        description: Some(format!("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {action}.")),
        actions_enabled: true,
        ok_actions: Vec::new(),
        alarm_actions: vec![action.clone()],
        insufficient_data_actions: Vec::new(),
        tags: BTreeMap::new(),
        uid,
        created_at: now,
        configured_at: now,
    };
    let above = Comparison::GreaterThanThreshold;
    let name = high_alarm_name(policy, tracking);
    let mut alarms = vec![alarm(name, high_uid, above, tracking.target, timing.high_periods)];
    if tracking.scales_in() {
        let (name, below) = (low_alarm_name(policy, tracking), Comparison::LessThanThreshold);
        alarms.push(alarm(name, low_uid, below, low_threshold(tracking.target), timing.low_periods));
    }
    alarms
}

/// 0.9 of the target, without what binary fractions add to it: 63 for 70.
fn low_threshold(target: f64) -> f64 {
    let exact = target * LOW_PART;
    let rounded = (exact * 1e9).round() / 1e9;
    if rounded > 0.0 { rounded } else { exact }
}

fn timing(metric: &TrackedMetric) -> &'static Timing {
    match metric {
        TrackedMetric::Predefined { metric_type, .. } if is_high_resolution(metric_type) => &HIGH_RESOLUTION,
        _ => &STANDARD,
    }
}

fn source(policy: &ScalingPolicy, metric: &TrackedMetric, period_secs: u32) -> MetricSource {
    match metric {
        TrackedMetric::Predefined { metric_type, resource_label } => {
            MetricSource::One(predefined(policy, metric_type, resource_label.as_deref(), period_secs))
        }
        TrackedMetric::Custom { namespace, name, dimensions, statistic, unit } => {
            MetricSource::One(MetricStat {
                namespace: namespace.clone(),
                name: name.clone(),
                dimensions: dimensions.clone(),
                period_secs,
                stat: statistic.clone(),
                unit: unit.clone(),
            })
        }
        TrackedMetric::Math(queries) => MetricSource::Math(queries.clone()),
    }
}

/// The label of a load balancer is `app/NAME/<16 hex>/targetgroup/NAME/<16 hex>`.
fn predefined(
    policy: &ScalingPolicy,
    metric_type: &str,
    resource_label: Option<&str>,
    period_secs: u32,
) -> MetricStat {
    let split = resource_label.and_then(|label| label.split_once("/targetgroup/"));
    if let Some((load_balancer, target_group)) = split {
        let dimensions = BTreeMap::from([
            (String::from("LoadBalancer"), load_balancer.to_owned()),
            (String::from("TargetGroup"), format!("targetgroup/{target_group}")),
        ]);
        return MetricStat {
            namespace: String::from("AWS/ApplicationELB"),
            name: String::from("RequestCountPerTarget"),
            dimensions,
            period_secs,
            stat: String::from("Sum"),
            unit: None,
        };
    }
    let is_memory = metric_type.contains("Memory");
    MetricStat {
        namespace: String::from("AWS/ECS"),
        name: String::from(if is_memory { "MemoryUtilization" } else { "CPUUtilization" }),
        dimensions: BTreeMap::from([
            (String::from("ClusterName"), policy.cluster.clone()),
            (String::from("ServiceName"), policy.service.clone()),
        ]),
        period_secs,
        stat: String::from("Average"),
        unit: Some(String::from("Percent")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scope;
    use crate::autoscaling::PolicyKind;

    fn policy(metric: TrackedMetric, target: f64, disable_scale_in: Option<bool>) -> ScalingPolicy {
        ScalingPolicy {
            scope: Scope::new("000000000000", "us-east-1"),
            cluster: "c".into(),
            service: "s".into(),
            name: "p".into(),
            id: "1".into(),
            kind: PolicyKind::Tracking(Box::new(TargetTracking {
                target,
                metric,
                scale_out_cooldown_secs: None,
                scale_in_cooldown_secs: None,
                disable_scale_in,
                created_by: "2".into(),
                high_alarm_id: "3".into(),
                low_alarm_id: "4".into(),
            })),
            created_at: Timestamp::from_secs(1),
        }
    }

    fn of_type(metric_type: &str, label: Option<&str>) -> TrackedMetric {
        let resource_label = label.map(str::to_owned);
        TrackedMetric::Predefined { metric_type: metric_type.to_owned(), resource_label }
    }

    /// `name comparison threshold periods×period statistic metric {dimensions}` per alarm.
    fn told(policy: &ScalingPolicy) -> Vec<String> {
        let tracking = policy.tracking().expect("it tracks");
        let alarms = tracking_alarms(policy, tracking, ["a".into(), "b".into()], policy.created_at);
        let line = |alarm: Alarm| {
            let Watch::Metric(watch) = alarm.watch else { panic!("it watches a metric") };
            let MetricSource::One(stat) = &watch.source else { panic!("it is one metric") };
            format!(
                "{} {:?} {} {}x{} {} {} {:?}",
                alarm.name,
                watch.comparison,
                watch.threshold,
                watch.evaluation_periods,
                stat.period_secs,
                stat.stat,
                stat.name,
                watch.windows
            )
        };
        alarms.into_iter().map(line).collect()
    }

    #[test]
    fn alarms_are_as_aws_makes_them() {
        let cpu = of_type("ECSServiceAverageCPUUtilization", None);
        assert_eq!(
            told(&policy(cpu, 70.0, None)),
            [
                "TargetTracking-service/c/s-AlarmHigh-3 GreaterThanThreshold 70 3x60 Average CPUUtilization Aligned",
                "TargetTracking-service/c/s-AlarmLow-4 LessThanThreshold 63 15x60 Average CPUUtilization Aligned",
            ]
        );
        let memory = of_type("ECSServiceAverageMemoryUtilizationHighResolution", None);
        assert_eq!(
            told(&policy(memory, 80.0, Some(true))),
            [
                "TargetTracking-service/c/s-AlarmHigh-3 GreaterThanThreshold 80 2x10 Average MemoryUtilization Sliding"
            ]
        );
        let label = "app/web/0123456789abcdef/targetgroup/web/fedcba9876543210";
        let requests = of_type("ALBRequestCountPerTarget", Some(label));
        assert_eq!(
            told(&policy(requests, 1000.0, None))[1],
            "TargetTracking-service/c/s-AlarmLow-4 LessThanThreshold 900 15x60 Sum RequestCountPerTarget Aligned"
        );
    }

    #[test]
    fn alarms_call_their_policy() {
        let policy = policy(of_type("ECSServiceAverageCPUUtilization", None), 50.0, None);
        let tracking = policy.tracking().expect("it tracks");
        let alarms = tracking_alarms(&policy, tracking, ["a".into(), "b".into()], policy.created_at);
        let arn = "arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:1:resource/ecs/service/c/s:policyName/p\
                   :createdBy/2";
        for alarm in alarms {
            assert_eq!(alarm.alarm_actions, [arn]);
            let expect = format!("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {arn}.");
            assert_eq!(alarm.description, Some(expect));
        }
    }
}
