//! PutScalingPolicy: makes a policy, or replaces what it does. Target tracking brings its alarms along.

use state_model::autoscaling::{PolicyKind, ScalingPolicy, TargetTracking, low_alarm_name, tracking_alarms};
use state_model::cloudwatch::Alarm;
use state_model::record::Record;
use state_tables::{Transaction, View};
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_observe::application_autoscaling::{
    PolicyType, PutScalingPolicyRequest, PutScalingPolicyResponse,
};

use super::Context;
use super::errors::{invalid, limit_exceeded, not_in_set};
use super::forget::{forget_alarm, forget_alarms};
use super::limits::{POLICIES_PER_TARGET_MAX, POLICY_NAME_CHARS_MAX};
use super::metric_math;
use super::render;
use super::resource::{Resource, printable};
use super::step_scaling;
use super::target_tracking::{self, Wanted};

/// What a request asks for, before it is known whether the policy is new.
enum Asked {
    Step(state_model::autoscaling::StepScaling),
    Tracking(Wanted),
}

pub async fn put_scaling_policy(
    context: Context,
    input: PutScalingPolicyRequest,
) -> Result<PutScalingPolicyResponse, ServiceError> {
    context.authorise("application-autoscaling:PutScalingPolicy", "*")?;
    let resource = Resource::read(
        input.service_namespace.as_ref(),
        input.resource_id.as_deref(),
        input.scalable_dimension.as_ref(),
    )?;
    let name = printable(input.policy_name.as_deref(), "policyName", POLICY_NAME_CHARS_MAX)?;
    let asked = asked(&input)?;
    if let Asked::Tracking(wanted) = &asked {
        metric_math::check(&context, &wanted.metric).await?;
    }
    let policy = context
        .transact(|view, transaction| put(&context, &resource, name, &asked, view, transaction))
        .await?;
    let view = context.view();
    let alarms = policy.tracking().map(|_| render::alarms(&view, &policy)).unwrap_or_default();
    Ok(PutScalingPolicyResponse { policy_arn: Some(policy.arn()), alarms: Some(alarms) })
}

fn asked(input: &PutScalingPolicyRequest) -> Result<Asked, ServiceError> {
    let kind = input.policy_type.as_ref().unwrap_or(&PolicyType::StepScaling);
    let step = input.step_scaling_policy_configuration.as_ref();
    let tracking = input.target_tracking_scaling_policy_configuration.as_ref();
    match kind {
        PolicyType::StepScaling if tracking.is_none() => match step {
            Some(step) => step_scaling::read(step).map(Asked::Step),
            None => {
                Err(invalid("StepScalingPolicyConfiguration must be specified for policy type StepScaling"))
            }
        },
        PolicyType::TargetTrackingScaling if step.is_none() => match tracking {
            Some(tracking) => target_tracking::read(tracking).map(Asked::Tracking),
            None => Err(invalid(
                "TargetTrackingScalingPolicyConfiguration must be specified for policy type TargetTrackingScaling",
            )),
        },
        PolicyType::PredictiveScaling => Err(invalid(
            "Policy type PredictiveScaling is not served: use StepScaling or TargetTrackingScaling.",
        )),
        PolicyType::Other(text) => Err(not_in_set(text, "policyType", PolicyType::VALUES)),
        _ => Err(invalid(format!("The configuration that is given is not one of policy type {kind}"))),
    }
}

fn put(
    context: &Context,
    resource: &Resource,
    name: &str,
    asked: &Asked,
    view: &View,
    transaction: &mut Transaction,
) -> Result<ScalingPolicy, ServiceError> {
    let scope = &context.scope;
    let target = resource.registered(view, scope)?;
    transaction.expect_present::<state_model::autoscaling::ScalableTarget>(&target.key());
    let former =
        view.scaling_policies.get(&ScalingPolicy::key_of(scope, &resource.cluster, &resource.service, name));
    let prefix = ScalingPolicy::prefix(scope, &resource.cluster, &resource.service);
    let others = || view.scaling_policies.prefix(&prefix).map(|(_, row)| row).filter(|row| row.name != name);
    if former.is_none() && others().count() >= POLICIES_PER_TARGET_MAX {
        let message = format!("A scalable target has at most {POLICIES_PER_TARGET_MAX} scaling policies.");
        return Err(limit_exceeded(message));
    }
    let kind = match asked {
        Asked::Step(step) => PolicyKind::Step(step.clone()),
        Asked::Tracking(wanted) => {
            target_tracking::check_label(view, scope, wanted)?;
            let same = |tracking: &TargetTracking| tracking.metric == wanted.metric;
            if others().any(|other| other.tracking().is_some_and(same)) {
                let message =
                    "Only one TargetTrackingScaling policy for a given metric specification is allowed.";
                return Err(invalid(message));
            }
            let former = former.and_then(|row| row.tracking());
            PolicyKind::Tracking(Box::new(wanted.tracking(former, || random::uuid(&*context.random))))
        }
    };
    let policy = ScalingPolicy {
        scope: scope.clone(),
        cluster: resource.cluster.clone(),
        service: resource.service.clone(),
        name: name.to_owned(),
        id: former.map_or_else(|| random::uuid(&*context.random), |row| row.id.clone()),
        kind,
        created_at: former.map_or(context.now, |row| row.created_at),
    };
    match former {
        Some(row) => transaction.update(row, &policy),
        None => transaction.insert(&policy),
    }
    match policy.tracking() {
        Some(tracking) => put_alarms(context, &policy, tracking, view, transaction),
        None => former.into_iter().for_each(|row| forget_alarms(view, row, transaction)),
    }
    Ok(policy)
}

/// Alarms that are there keep what the policy has no say in: their state, tags and age.
fn put_alarms(
    context: &Context,
    policy: &ScalingPolicy,
    tracking: &TargetTracking,
    view: &View,
    transaction: &mut Transaction,
) {
    const UID_CHARS: usize = 32;
    let uids = [(); 2].map(|()| random::hex(&*context.random, UID_CHARS));
    for alarm in tracking_alarms(policy, tracking, uids, context.now) {
        match view.alarms.get(&alarm.key()) {
            None => transaction.insert(&alarm),
            Some(row) => {
                let kept = Alarm {
                    uid: row.uid.clone(),
                    tags: row.tags.clone(),
                    created_at: row.created_at,
                    ..alarm
                };
                transaction.update(row, &kept);
            }
        }
    }
    if !tracking.scales_in() {
        forget_alarm(view, policy, &low_alarm_name(policy, tracking), transaction);
    }
}
