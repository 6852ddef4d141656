//! What goes: targets without their service, and activities of long ago.

use state_model::autoscaling::{
    ActivityStatus, ScalableTarget, ScalingActivity, ScalingPolicy, ScheduledAction, high_alarm_name,
    low_alarm_name,
};
use state_model::cloudwatch::Alarm;
use state_model::record::Record;
use state_tables::{Row, Transaction, View};

use super::activity;
use crate::LoopContext;
use crate::driver::{Activation, LoopError};
use crate::limits::{
    SCALING_ACTIVITIES_FORGOTTEN, SCALING_ACTIVITIES_KEPT_FOR, SCALING_DAYS_LOOKED_BACK,
    SCALING_RECORDS_FORGOTTEN,
};

/// Deregisters a target whose service was deleted: as much as a commit takes, the target last.
pub fn forget(view: &View, target: &Row<ScalableTarget>, context: &LoopContext) -> Transaction {
    let mut transaction = Transaction::new();
    let (scope, cluster, service) = (&target.scope, &target.cluster, &target.service);
    for (_, row) in view.scheduled_actions.prefix(&ScheduledAction::prefix(scope, cluster, service)) {
        if transaction.write_count() >= SCALING_RECORDS_FORGOTTEN {
            return transaction;
        }
        transaction.delete(row);
    }
    for (_, row) in view.scaling_policies.prefix(&ScalingPolicy::prefix(scope, cluster, service)) {
        if transaction.write_count() >= SCALING_RECORDS_FORGOTTEN {
            return transaction;
        }
        forget_policy(view, row, &mut transaction);
    }
    if let Some(progress) = view.scaling_progress.get(&target.key()) {
        let unfulfilled = progress.activity.as_ref().and_then(|key| view.scaling_activities.get(key));
        if let Some(row) = unfulfilled {
            let (now, to) = (context.clock.now(), row.to.unwrap_or_default());
            let message = format!("Successfully set desired count to {to}. The service was deleted since.");
            let activity = activity::ended(row, ActivityStatus::Unfulfilled, message, now);
            transaction.update(row, &activity);
            activity::tell(target, &activity, &mut transaction, now, &*context.random);
        }
        transaction.delete(progress);
    }
    transaction.delete(target);
    transaction
}

fn forget_policy(view: &View, policy: &Row<ScalingPolicy>, transaction: &mut Transaction) {
    if let Some(tracking) = policy.tracking() {
        for name in [high_alarm_name(policy, tracking), low_alarm_name(policy, tracking)] {
            let key = Alarm::key_of(&policy.scope, &name);
            view.alarms.get(&key).into_iter().for_each(|row| transaction.delete(row));
            view.alarm_states.get(&key).into_iter().for_each(|row| transaction.delete(row));
        }
    }
    transaction.delete(policy);
}

/// Activities that are told of no longer. Woken by time.
pub async fn expired_activities(context: LoopContext) -> Result<Activation, LoopError> {
    let deleted = context
        .state
        .transact(|view, transaction| {
            let limit = context.clock.now().minus(SCALING_ACTIVITIES_KEPT_FOR);
            let last = ScalingActivity::day(limit);
            let days = (last - SCALING_DAYS_LOOKED_BACK..=last).map(|day| day.to_string());
            let rows = days.flat_map(|day| view.scaling_activities.by(ScalingActivity::DAY, &day));
            let rows = rows.filter(|row| row.started_at < limit).take(SCALING_ACTIVITIES_FORGOTTEN);
            Ok::<_, LoopError>(rows.map(|row| transaction.delete(row)).count())
        })
        .await?;
    Ok(if deleted == 0 { Activation::Idle(None) } else { Activation::Again })
}
