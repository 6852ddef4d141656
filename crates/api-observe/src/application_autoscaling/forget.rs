//! DeregisterScalableTarget and DeleteScalingPolicy.

use state_model::autoscaling::{
    ActivityStatus, ScalingActivity, ScalingPolicy, ScheduledAction, high_alarm_name, low_alarm_name,
};
use state_model::cloudwatch::Alarm;
use state_model::record::Record;
use state_tables::{Row, Transaction, View};
use wire_schema::ServiceError;
use wire_shapes_observe::application_autoscaling::{
    DeleteScalingPolicyRequest, DeleteScalingPolicyResponse, DeregisterScalableTargetRequest,
    DeregisterScalableTargetResponse,
};

use super::Context;
use super::errors::{no_policy, no_target};
use super::limits::POLICY_NAME_CHARS_MAX;
use super::resource::{Resource, printable};

/// Records that go in one commit; a policy counts with its alarms and their states.
const DELETIONS_PER_COMMIT_MAX: usize = 80;

pub async fn deregister_scalable_target(
    context: Context,
    input: DeregisterScalableTargetRequest,
) -> Result<DeregisterScalableTargetResponse, ServiceError> {
    context.authorise("application-autoscaling:DeregisterScalableTarget", "*")?;
    let resource = Resource::read(
        input.service_namespace.as_ref(),
        input.resource_id.as_deref(),
        input.scalable_dimension.as_ref(),
    )?;
    // What is more than a commit takes goes by several, the target with the last: who is interrupted deregisters again.
    let mut is_gone = false;
    while !is_gone {
        is_gone = context
            .transact(|view, transaction| {
                let row = resource.target(view, &context.scope).ok_or_else(|| no_target(&resource))?;
                if !forget_some(&context, &resource, view, transaction) {
                    transaction.expect(row);
                    return Ok(false);
                }
                transaction.delete(row);
                forget_progress(&context, view, &row.key(), transaction);
                Ok(true)
            })
            .await?;
    }
    Ok(DeregisterScalableTargetResponse {})
}

/// An activity that is under way ends with its target: nobody looks at it any more.
fn forget_progress(context: &Context, view: &View, key: &str, transaction: &mut Transaction) {
    let Some(progress) = view.scaling_progress.get(key) else { return };
    if let Some(row) = progress.activity.as_ref().and_then(|key| view.scaling_activities.get(key)) {
        let to = row.to.unwrap_or_default();
        let message =
            format!("Successfully set desired count to {to}. The scalable target was deregistered since.");
        let ended = ScalingActivity {
            status: ActivityStatus::Unfulfilled,
            status_message: Some(message),
            ended_at: Some(context.now),
            ..ScalingActivity::clone(row)
        };
        transaction.update(row, &ended);
    }
    transaction.delete(progress);
}

/// Deletes policies and scheduled actions of the target. False when there are more than one commit takes.
fn forget_some(context: &Context, resource: &Resource, view: &View, transaction: &mut Transaction) -> bool {
    let (scope, cluster, service) = (&context.scope, &resource.cluster, &resource.service);
    for (_, row) in view.scheduled_actions.prefix(&ScheduledAction::prefix(scope, cluster, service)) {
        if transaction.write_count() >= DELETIONS_PER_COMMIT_MAX {
            return false;
        }
        transaction.delete(row);
    }
    for (_, row) in view.scaling_policies.prefix(&ScalingPolicy::prefix(scope, cluster, service)) {
        if transaction.write_count() >= DELETIONS_PER_COMMIT_MAX {
            return false;
        }
        forget_policy(view, row, transaction);
    }
    true
}

pub async fn delete_scaling_policy(
    context: Context,
    input: DeleteScalingPolicyRequest,
) -> Result<DeleteScalingPolicyResponse, ServiceError> {
    context.authorise("application-autoscaling:DeleteScalingPolicy", "*")?;
    let resource = Resource::read(
        input.service_namespace.as_ref(),
        input.resource_id.as_deref(),
        input.scalable_dimension.as_ref(),
    )?;
    let name = printable(input.policy_name.as_deref(), "policyName", POLICY_NAME_CHARS_MAX)?;
    let key = ScalingPolicy::key_of(&context.scope, &resource.cluster, &resource.service, name);
    context
        .transact(|view, transaction| {
            let row = view.scaling_policies.get(&key).ok_or_else(|| no_policy(&resource, name))?;
            forget_policy(view, row, transaction);
            Ok(())
        })
        .await?;
    Ok(DeleteScalingPolicyResponse {})
}

/// The alarms that target tracking made go with it; those of users stay.
fn forget_policy(view: &View, row: &Row<ScalingPolicy>, transaction: &mut Transaction) {
    forget_alarms(view, row, transaction);
    transaction.delete(row);
}

pub fn forget_alarms(view: &View, policy: &ScalingPolicy, transaction: &mut Transaction) {
    let Some(tracking) = policy.tracking() else { return };
    for name in [high_alarm_name(policy, tracking), low_alarm_name(policy, tracking)] {
        forget_alarm(view, policy, &name, transaction);
    }
}

pub fn forget_alarm(view: &View, policy: &ScalingPolicy, name: &str, transaction: &mut Transaction) {
    let key = Alarm::key_of(&policy.scope, name);
    if let Some(alarm) = view.alarms.get(&key) {
        transaction.delete(alarm);
    }
    if let Some(state) = view.alarm_states.get(&key) {
        transaction.delete(state);
    }
}
