//! Writing what was done: the desired count, the activity, what is remembered, and the event, all in one transaction.

use std::time::Duration;

use state_model::autoscaling::{
    ActivityStatus, NotScaledReason, SCALABLE_DIMENSION, SERVICE_NAMESPACE, ScalableTarget, ScalingActivity,
    ScalingProgress, target_key,
};
use state_model::ecs::service::Service;
use state_model::ecs::service_action::desired_count_updated;
use state_model::events::PendingEvent;
use state_tables::{Transaction, View};
use stdx::clock::Timestamp;
use stdx::random::{self, Random};

use super::Stage;
use crate::LoopContext;
use crate::limits::SCALING_ACTIVITIES_KEPT;

const SOURCE: &str = "aws.application-autoscaling";
const DETAIL_TYPE: &str = "Application Auto Scaling Scaling Activity State Change";

/// A new desired count, and why.
pub struct Changing {
    pub to: u32,
    pub cause: String,
}

/// Sets the desired count. An activity that was under way is overridden by it.
pub fn change(
    stage: &Stage<'_>,
    context: &LoopContext,
    transaction: &mut Transaction,
    mut progress: ScalingProgress,
    changing: &Changing,
) {
    let (now, random) = (stage.now, &*context.random);
    let (from, to) = (stage.service.desired_count, changing.to);
    if let Some(row) = progress.activity.as_ref().and_then(|key| stage.view.scaling_activities.get(key)) {
        let overridden = ended(row, ActivityStatus::Overridden, changed_to(row, to), now);
        transaction.update(row, &overridden);
        tell(stage.target, &overridden, transaction, now, random);
    }
    let service = Service { desired_count: to, changed_at: now, ..Service::clone(stage.service) };
    transaction.update(stage.service, &service);
    transaction.insert(&desired_count_updated(&service, from, now, random));
    let activity = ScalingActivity {
        description: format!("Setting desired count to {to}."),
        status: ActivityStatus::InProgress,
        status_message: Some(format!(
            "Successfully set desired count to {to}. Waiting for change to be fulfilled by ecs."
        )),
        from: Some(from),
        to: Some(to),
        ..new(stage, changing.cause.clone(), random)
    };
    add(stage.view, transaction, &activity);
    tell(stage.target, &activity, transaction, now, random);
    progress.activity = Some(state_model::Record::key(&activity));
    progress.not_scaled = None;
    stage.remember(transaction, &progress);
}

/// Tells that nothing was changed, unless that is what was told last.
pub fn not_scaled(
    stage: &Stage<'_>,
    context: &LoopContext,
    cause: String,
    reason: NotScaledReason,
) -> Option<Transaction> {
    let mut progress = stage.remembered();
    let told = format!("{}: {cause}", reason.code.as_str());
    if progress.not_scaled.as_ref() == Some(&told) {
        return None;
    }
    progress.not_scaled = Some(told);
    let activity = ScalingActivity {
        description: String::from("Attempting to scale due to alarm triggered"),
        status: ActivityStatus::Failed,
        not_scaled: vec![reason],
        ..new(stage, cause, &*context.random)
    };
    let mut transaction = Transaction::new();
    add(stage.view, &mut transaction, &activity);
    stage.remember(&mut transaction, &progress);
    Some(transaction)
}

/// What is started at the same time as another is told behind it.
pub fn new(stage: &Stage<'_>, cause: String, random: &dyn Random) -> ScalingActivity {
    const STEP: Duration = Duration::from_millis(1);
    let target = stage.target;
    let key = target_key(&target.scope, &target.cluster, &target.service);
    let newest = stage.view.scaling_activities.by(ScalingActivity::TARGET, &key).next();
    ScalingActivity {
        scope: target.scope.clone(),
        cluster: target.cluster.clone(),
        service: target.service.clone(),
        id: random::uuid(random),
        description: String::new(),
        cause,
        started_at: newest.map_or(stage.now, |newest| stage.now.max(newest.started_at.plus(STEP))),
        ended_at: None,
        status: ActivityStatus::Successful,
        status_message: None,
        not_scaled: Vec::new(),
        from: None,
        to: None,
    }
}

/// Adds the activity, and forgets the oldest of a target that has too many.
pub fn add(view: &View, transaction: &mut Transaction, activity: &ScalingActivity) {
    transaction.insert(activity);
    let key = target_key(&activity.scope, &activity.cluster, &activity.service);
    let excess = view.scaling_activities.by(ScalingActivity::TARGET, &key).skip(SCALING_ACTIVITIES_KEPT - 1);
    excess
        .filter(|row| row.ended_at.is_some() || !row.not_scaled.is_empty())
        .take(2)
        .for_each(|row| transaction.delete(row));
}

pub fn ended(
    activity: &ScalingActivity,
    status: ActivityStatus,
    message: String,
    now: Timestamp,
) -> ScalingActivity {
    ScalingActivity { status, status_message: Some(message), ended_at: Some(now), ..activity.clone() }
}

pub fn changed_to(activity: &ScalingActivity, desired: u32) -> String {
    let to = activity.to.unwrap_or_default();
    format!("Successfully set desired count to {to}. Found it was later changed to {desired}.")
}

/// The event of an activity that changed the desired count, in the state that it has now.
pub fn tell(
    target: &ScalableTarget,
    activity: &ScalingActivity,
    transaction: &mut Transaction,
    now: Timestamp,
    random: &dyn Random,
) {
    let (Some(from), Some(to)) = (activity.from, activity.to) else { return };
    let mut detail = serde_json::json!({ "startTime": activity.started_at.to_rfc3339_secs() });
    if let Some(ended_at) = activity.ended_at {
        detail["endTime"] = ended_at.to_rfc3339_secs().into();
    }
    detail["newDesiredCapacity"] = to.into();
    detail["oldDesiredCapacity"] = from.into();
    detail["minCapacity"] = target.min_capacity.into();
    detail["maxCapacity"] = target.max_capacity.into();
    detail["resourceId"] = target.resource_id().into();
    detail["scalableDimension"] = SCALABLE_DIMENSION.into();
    detail["serviceNamespace"] = SERVICE_NAMESPACE.into();
    detail["statusCode"] = activity.status.as_str().into();
    detail["scaledToMax"] = (to > from && to == target.max_capacity).into();
    detail["direction"] = if to > from { "scale-out" } else { "scale-in" }.into();
    let event =
        PendingEvent::of_service(&target.scope, SOURCE, DETAIL_TYPE, Vec::new(), &detail, now, random);
    transaction.insert(&event);
}
