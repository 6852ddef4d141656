//! What a target tracking policy may say.

use std::collections::BTreeMap;

use state_model::Scope;
use state_model::autoscaling::{TargetTracking, TrackedMetric};
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_observe::application_autoscaling::{
    CustomizedMetricSpecification, MetricStatistic, MetricType, PredefinedMetricSpecification,
    TargetTrackingScalingPolicyConfiguration,
};

use super::errors::{invalid, missing, not_in_set};
use super::limits::{DIMENSIONS_MAX, TEXT_CHARS_MAX};
use super::metric_math;
use super::step_scaling::not_negative;

/// The configuration, checked.
#[derive(Debug)]
pub struct Wanted {
    pub target: f64,
    pub metric: TrackedMetric,
    pub scale_out_cooldown_secs: Option<u32>,
    pub scale_in_cooldown_secs: Option<u32>,
    pub disable_scale_in: Option<bool>,
}

impl Wanted {
    /// A policy that is replaced keeps the names of its alarms.
    pub fn tracking(&self, former: Option<&TargetTracking>, uuid: impl Fn() -> String) -> TargetTracking {
        let kept =
            |of: fn(&TargetTracking) -> &String| former.map_or_else(&uuid, |former| of(former).clone());
        TargetTracking {
            target: self.target,
            metric: self.metric.clone(),
            scale_out_cooldown_secs: self.scale_out_cooldown_secs,
            scale_in_cooldown_secs: self.scale_in_cooldown_secs,
            disable_scale_in: self.disable_scale_in,
            created_by: kept(|former| &former.created_by),
            high_alarm_id: kept(|former| &former.high_alarm_id),
            low_alarm_id: kept(|former| &former.low_alarm_id),
        }
    }
}

pub fn read(given: &TargetTrackingScalingPolicyConfiguration) -> Result<Wanted, ServiceError> {
    const IN: &str = "targetTrackingScalingPolicyConfiguration";
    let target = given.target_value.ok_or_else(|| missing(&format!("{IN}.targetValue")))?;
    if !(target.is_finite() && target > 0.0) {
        return Err(invalid("TargetValue must be a number greater than 0"));
    }
    let metric = match (&given.predefined_metric_specification, &given.customized_metric_specification) {
        (Some(predefined), None) => predefined_metric(predefined)?,
        (None, Some(customized)) => customized_metric(customized)?,
        _ => {
            return Err(invalid(
                "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified",
            ));
        }
    };
    Ok(Wanted {
        target,
        metric,
        scale_out_cooldown_secs: not_negative(given.scale_out_cooldown, &format!("{IN}.scaleOutCooldown"))?,
        scale_in_cooldown_secs: not_negative(given.scale_in_cooldown, &format!("{IN}.scaleInCooldown"))?,
        disable_scale_in: given.disable_scale_in,
    })
}

fn predefined_metric(given: &PredefinedMetricSpecification) -> Result<TrackedMetric, ServiceError> {
    const MEMBER: &str =
        "targetTrackingScalingPolicyConfiguration.predefinedMetricSpecification.predefinedMetricType";
    let metric_type = given.predefined_metric_type.as_ref().ok_or_else(|| missing(MEMBER))?;
    let label = given.resource_label.as_deref().filter(|label| !label.is_empty());
    match metric_type {
        MetricType::EcsServiceAverageCpuUtilization
        | MetricType::EcsServiceAverageMemoryUtilization
        | MetricType::EcsServiceAverageCpuUtilizationHighResolution
        | MetricType::EcsServiceAverageMemoryUtilizationHighResolution => {
            if label.is_some() {
                return Err(invalid(format!(
                    "ResourceLabel must not be specified for metric type {metric_type}"
                )));
            }
        }
        MetricType::AlbRequestCountPerTarget => {
            if label.is_none() {
                return Err(invalid(format!(
                    "ResourceLabel must be specified for metric type {metric_type}"
                )));
            }
        }
        MetricType::Other(text) => return Err(not_in_set(text, MEMBER, MetricType::VALUES)),
        _ => {
            return Err(invalid(format!(
                "Metric type {metric_type} is not supported for service namespace ecs"
            )));
        }
    }
    Ok(TrackedMetric::Predefined {
        metric_type: metric_type.as_str().to_owned(),
        resource_label: label.map(str::to_owned),
    })
}

/// A label names a load balancer and a target group that exist, the one before the other.
pub fn check_label(view: &View, scope: &Scope, wanted: &Wanted) -> Result<(), ServiceError> {
    let TrackedMetric::Predefined { resource_label: Some(label), .. } = &wanted.metric else { return Ok(()) };
    let form = || {
        invalid(format!(
            "Invalid resource label: {label}. It has the form app/<load-balancer-name>/<load-balancer-id>/targetgroup/\
             <target-group-name>/<target-group-id>"
        ))
    };
    let (balancer, group) = label.split_once("/targetgroup/").ok_or_else(form)?;
    if !balancer.starts_with("app/") || balancer.split('/').count() != 3 || group.split('/').count() != 2 {
        return Err(form());
    }
    if !view.elb_load_balancers.contains(&scope.key(balancer)) {
        return Err(invalid(format!("The load balancer {balancer} of the resource label does not exist")));
    }
    if !view.elb_target_groups.contains(&scope.key(group)) {
        return Err(invalid(format!("The target group {group} of the resource label does not exist")));
    }
    Ok(())
}

fn customized_metric(given: &CustomizedMetricSpecification) -> Result<TrackedMetric, ServiceError> {
    const IN: &str = "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification";
    let is_single = given.metric_name.is_some()
        || given.namespace.is_some()
        || given.statistic.is_some()
        || given.dimensions.is_some()
        || given.unit.is_some();
    if let Some(queries) = &given.metrics {
        if is_single {
            return Err(invalid(
                "A CustomizedMetricSpecification has either Metrics or MetricName, Namespace and Statistic",
            ));
        }
        return metric_math::read(queries).map(TrackedMetric::Math);
    }
    let statistic = match &given.statistic {
        None => return Err(missing(&format!("{IN}.statistic"))),
        Some(MetricStatistic::Other(text)) => {
            return Err(not_in_set(text, &format!("{IN}.statistic"), MetricStatistic::VALUES));
        }
        Some(known) => known.as_str().to_owned(),
    };
    let pairs = given.dimensions.iter().flatten().map(|one| (one.name.as_deref(), one.value.as_deref()));
    Ok(TrackedMetric::Custom {
        namespace: text(given.namespace.as_deref(), &format!("{IN}.namespace"))?,
        name: text(given.metric_name.as_deref(), &format!("{IN}.metricName"))?,
        dimensions: dimensions(pairs)?,
        statistic,
        unit: unit(given.unit.as_deref())?,
    })
}

pub fn text(given: Option<&str>, member: &str) -> Result<String, ServiceError> {
    let text = super::resource::required(given, member)?;
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(invalid(format!("{member} has at most {TEXT_CHARS_MAX} characters")));
    }
    Ok(text.to_owned())
}

pub fn dimensions<'a>(
    pairs: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>,
) -> Result<BTreeMap<String, String>, ServiceError> {
    let read = |(name, value): (Option<&str>, Option<&str>)| {
        Ok((text(name, "dimensions.member.name")?, text(value, "dimensions.member.value")?))
    };
    let all = pairs.map(read).collect::<Result<Vec<_>, ServiceError>>()?;
    let count = all.len();
    let dimensions: BTreeMap<String, String> = all.into_iter().collect();
    if count > DIMENSIONS_MAX || dimensions.len() < count {
        return Err(invalid(format!(
            "A metric has at most {DIMENSIONS_MAX} dimensions, each of another name"
        )));
    }
    Ok(dimensions)
}

pub fn unit(given: Option<&str>) -> Result<Option<String>, ServiceError> {
    match given.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) if state_telemetry::metrics::Unit::parse(text).is_some() => Ok(Some(text.to_owned())),
        Some(text) => Err(invalid(format!("{text} is not a unit of CloudWatch"))),
    }
}
