//! Whether the tasks that an activity asked for have come, or gone.

use state_model::autoscaling::{ActivityStatus, ScalingActivity};
use state_tables::Transaction;
use state_tables::service_counts::service_counts;

use super::activity::{changed_to, ended, tell};
use super::{Stage, Wake};
use crate::LoopContext;
use crate::limits::SCALING_PATIENCE;

pub fn plan(stage: &Stage<'_>, context: &LoopContext, wake: &mut Wake) -> Option<Transaction> {
    let mut progress = stage.remembered();
    let key = progress.activity.take()?;
    let mut transaction = Transaction::new();
    let Some(row) = stage.view.scaling_activities.get(&key) else {
        stage.remember(&mut transaction, &progress);
        return Some(transaction);
    };
    let Some((status, message)) = end(stage, row) else {
        wake.at(row.started_at.plus(SCALING_PATIENCE));
        return None;
    };
    let activity = ended(row, status, message, stage.now);
    for change in [&mut progress.last_out, &mut progress.last_in].into_iter().flatten() {
        if change.ended_at.is_none() && Some(change.to) == activity.to {
            change.ended_at = Some(stage.now);
        }
    }
    transaction.update(row, &activity);
    tell(stage.target, &activity, &mut transaction, stage.now, &*context.random);
    stage.remember(&mut transaction, &progress);
    Some(transaction)
}

fn end(stage: &Stage<'_>, activity: &ScalingActivity) -> Option<(ActivityStatus, String)> {
    let to = activity.to.unwrap_or_default();
    let desired = stage.service.desired_count;
    if desired != to {
        return Some((ActivityStatus::Overridden, changed_to(activity, desired)));
    }
    let running = service_counts(stage.view, stage.service).running;
    if u32::try_from(running) == Ok(to) {
        let message =
            format!("Successfully set desired count to {to}. Change successfully fulfilled by ecs.");
        return Some((ActivityStatus::Successful, message));
    }
    if stage.now >= activity.started_at.plus(SCALING_PATIENCE) {
        let message = format!(
            "Successfully set desired count to {to}. It was not fulfilled by ecs in time: {running} run."
        );
        return Some((ActivityStatus::Unfulfilled, message));
    }
    None
}
