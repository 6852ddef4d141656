//! What answers look like.

use state_model::autoscaling::{
    AdjustmentType, Aggregation, PolicyKind, SCALABLE_DIMENSION, SERVICE_NAMESPACE, ScalableTarget,
    ScalingActivity, ScalingPolicy, ScheduledAction, StepScaling, TargetTracking, TrackedMetric, resource_id,
};
use state_model::cloudwatch::{Alarm, MetricQuery};
use state_model::iam::service_linked_role::{ECS_AUTOSCALING, template_of};
use state_tables::View;
use stdx::clock::Timestamp;
use wire_schema::Instant;
use wire_shapes_observe::application_autoscaling as shapes;

fn instant(at: Timestamp) -> Instant {
    Instant::from_millis(at.as_millis())
}

fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn namespace() -> Option<shapes::ServiceNamespace> {
    Some(SERVICE_NAMESPACE.into())
}

fn dimension() -> Option<shapes::ScalableDimension> {
    Some(SCALABLE_DIMENSION.into())
}

pub fn target(target: &ScalableTarget) -> shapes::ScalableTarget {
    let suspended = target.suspended;
    shapes::ScalableTarget {
        creation_time: Some(instant(target.created_at)),
        max_capacity: Some(number(target.max_capacity)),
        min_capacity: Some(number(target.min_capacity)),
        predicted_capacity: None,
        resource_id: Some(target.resource_id()),
        role_arn: template_of(ECS_AUTOSCALING).map(|template| template.role_arn(&target.scope.account)),
        scalable_dimension: dimension(),
        scalable_target_arn: Some(target.arn()),
        service_namespace: namespace(),
        suspended_state: Some(shapes::SuspendedState {
            dynamic_scaling_in_suspended: Some(suspended.scale_in),
            dynamic_scaling_out_suspended: Some(suspended.scale_out),
            scheduled_scaling_suspended: Some(suspended.scheduled),
        }),
    }
}

pub fn policy(view: &View, policy: &ScalingPolicy) -> shapes::ScalingPolicy {
    let (policy_type, step, tracking) = match &policy.kind {
        PolicyKind::Step(step) => (shapes::PolicyType::StepScaling, Some(self::step(step)), None),
        PolicyKind::Tracking(tracking) => {
            (shapes::PolicyType::TargetTrackingScaling, None, Some(self::tracking(tracking)))
        }
    };
    shapes::ScalingPolicy {
        alarms: Some(alarms(view, policy)),
        creation_time: Some(instant(policy.created_at)),
        policy_arn: Some(policy.arn()),
        policy_name: Some(policy.name.clone()),
        policy_type: Some(policy_type),
        predictive_scaling_policy_configuration: None,
        resource_id: Some(resource_id(&policy.cluster, &policy.service)),
        scalable_dimension: dimension(),
        service_namespace: namespace(),
        step_scaling_policy_configuration: step,
        target_tracking_scaling_policy_configuration: tracking,
    }
}

/// The alarms that call the policy, whoever made them.
pub fn alarms(view: &View, policy: &ScalingPolicy) -> Vec<shapes::Alarm> {
    let alarm =
        |alarm: &Alarm| shapes::Alarm { alarm_arn: Some(alarm.arn()), alarm_name: Some(alarm.name.clone()) };
    let rows = view.alarms.by(Alarm::SCALING_POLICY, &policy.id);
    let mut names: Vec<&Alarm> =
        rows.filter(|row| row.scope == policy.scope).map(|row| &**row.record()).collect();
    // An alarm that names the policy twice is one alarm.
    names.dedup_by(|one, other| one.name == other.name);
    names.into_iter().map(alarm).collect()
}

fn step(step: &StepScaling) -> shapes::StepScalingPolicyConfiguration {
    let adjustment_type = match step.adjustment_type {
        AdjustmentType::ChangeInCapacity => shapes::AdjustmentType::ChangeInCapacity,
        AdjustmentType::PercentChangeInCapacity => shapes::AdjustmentType::PercentChangeInCapacity,
        AdjustmentType::ExactCapacity => shapes::AdjustmentType::ExactCapacity,
    };
    let aggregation = step.aggregation.map(|aggregation| match aggregation {
        Aggregation::Average => shapes::MetricAggregationType::Average,
        Aggregation::Minimum => shapes::MetricAggregationType::Minimum,
        Aggregation::Maximum => shapes::MetricAggregationType::Maximum,
    });
    let steps = step.steps.iter().map(|one| shapes::StepAdjustment {
        metric_interval_lower_bound: one.lower,
        metric_interval_upper_bound: one.upper,
        scaling_adjustment: Some(one.adjustment),
    });
    shapes::StepScalingPolicyConfiguration {
        adjustment_type: Some(adjustment_type),
        cooldown: step.cooldown_secs.map(number),
        metric_aggregation_type: aggregation,
        min_adjustment_magnitude: step.min_adjustment_magnitude.map(number),
        step_adjustments: Some(steps.collect()),
    }
}

fn tracking(tracking: &TargetTracking) -> shapes::TargetTrackingScalingPolicyConfiguration {
    let (mut predefined, mut customized) = (None, None);
    match &tracking.metric {
        TrackedMetric::Predefined { metric_type, resource_label } => {
            predefined = Some(shapes::PredefinedMetricSpecification {
                predefined_metric_type: Some(metric_type.as_str().into()),
                resource_label: resource_label.clone(),
            });
        }
        TrackedMetric::Custom { namespace, name, dimensions, statistic, unit } => {
            let dimensions = dimensions.iter().map(|(name, value)| shapes::MetricDimension {
                name: Some(name.clone()),
                value: Some(value.clone()),
            });
            customized = Some(shapes::CustomizedMetricSpecification {
                dimensions: Some(dimensions.collect()),
                metric_name: Some(name.clone()),
                metrics: None,
                namespace: Some(namespace.clone()),
                statistic: Some(statistic.as_str().into()),
                unit: unit.clone(),
            });
        }
        TrackedMetric::Math(queries) => {
            customized = Some(shapes::CustomizedMetricSpecification {
                metrics: Some(queries.iter().map(query).collect()),
                ..Default::default()
            });
        }
    }
    shapes::TargetTrackingScalingPolicyConfiguration {
        customized_metric_specification: customized,
        disable_scale_in: tracking.disable_scale_in,
        predefined_metric_specification: predefined,
        scale_in_cooldown: tracking.scale_in_cooldown_secs.map(number),
        scale_out_cooldown: tracking.scale_out_cooldown_secs.map(number),
        target_value: Some(tracking.target),
    }
}

fn query(query: &MetricQuery) -> shapes::TargetTrackingMetricDataQuery {
    let stat = query.stat.as_ref().map(|stat| {
        let dimensions = stat.dimensions.iter().map(|(name, value)| shapes::TargetTrackingMetricDimension {
            name: Some(name.clone()),
            value: Some(value.clone()),
        });
        shapes::TargetTrackingMetricStat {
            metric: Some(shapes::TargetTrackingMetric {
                dimensions: Some(dimensions.collect()),
                metric_name: Some(stat.name.clone()),
                namespace: Some(stat.namespace.clone()),
            }),
            stat: Some(stat.stat.clone()),
            unit: stat.unit.clone(),
        }
    });
    shapes::TargetTrackingMetricDataQuery {
        expression: query.expression.clone(),
        id: Some(query.id.clone()),
        label: query.label.clone(),
        metric_stat: stat,
        return_data: Some(query.return_data),
    }
}

pub fn scheduled_action(action: &ScheduledAction) -> shapes::ScheduledAction {
    shapes::ScheduledAction {
        creation_time: Some(instant(action.created_at)),
        end_time: action.end.map(instant),
        resource_id: Some(resource_id(&action.cluster, &action.service)),
        scalable_dimension: dimension(),
        scalable_target_action: Some(shapes::ScalableTargetAction {
            max_capacity: action.max_capacity.map(number),
            min_capacity: action.min_capacity.map(number),
        }),
        schedule: Some(action.schedule.clone()),
        scheduled_action_arn: Some(action.arn()),
        scheduled_action_name: Some(action.name.clone()),
        service_namespace: namespace(),
        start_time: action.start.map(instant),
        timezone: action.time_zone.clone(),
    }
}

pub fn activity(activity: &ScalingActivity) -> shapes::ScalingActivity {
    let reasons = activity.not_scaled.iter().map(|reason| shapes::NotScaledReason {
        code: Some(reason.code.as_str().to_owned()),
        current_capacity: reason.current_capacity.map(number),
        max_capacity: reason.max_capacity.map(number),
        min_capacity: reason.min_capacity.map(number),
    });
    let reasons: Vec<_> = reasons.collect();
    shapes::ScalingActivity {
        activity_id: Some(activity.id.clone()),
        cause: Some(activity.cause.clone()),
        description: Some(activity.description.clone()),
        details: None,
        end_time: activity.ended_at.map(instant),
        not_scaled_reasons: (!reasons.is_empty()).then_some(reasons),
        resource_id: Some(resource_id(&activity.cluster, &activity.service)),
        scalable_dimension: dimension(),
        service_namespace: namespace(),
        start_time: Some(instant(activity.started_at)),
        status_code: Some(activity.status.as_str().into()),
        status_message: activity.status_message.clone(),
    }
}
