//! Scheduled actions whose time has come.

use control_plan::scaling::scheduled_bounds;
use state_model::autoscaling::{ScalableTarget, ScalingActivity, ScalingProgress, ScheduledAction};
use state_tables::{Row, Transaction};
use stdx::clock::Timestamp;

use super::activity;
use super::{Stage, Wake};
use crate::LoopContext;

/// The action that is due first. A time that was missed, because nothing ran, is caught up on once.
pub fn plan(stage: &Stage<'_>, context: &LoopContext, wake: &mut Wake) -> Option<Transaction> {
    let progress = stage.remembered();
    let target = stage.target;
    let prefix = ScheduledAction::prefix(&target.scope, &target.cluster, &target.service);
    let mut first: Option<(Timestamp, &Row<ScheduledAction>)> = None;
    for (_, action) in stage.view.scheduled_actions.prefix(&prefix) {
        let after =
            progress.scheduled.get(&action.id).map_or(action.changed_at, |at| action.changed_at.max(*at));
        let Some(at) = action.next_after(after) else { continue };
        if at > stage.now {
            wake.at(at);
        } else if first.is_none_or(|(former, _)| at < former) {
            first = Some((at, action));
        }
    }
    first.map(|(_, action)| carry_out(stage, context, action, progress))
}

fn carry_out(
    stage: &Stage<'_>,
    context: &LoopContext,
    action: &Row<ScheduledAction>,
    mut progress: ScalingProgress,
) -> Transaction {
    let mut transaction = Transaction::new();
    if action.is_once() {
        transaction.delete(action);
    } else {
        transaction.expect(action);
        let target = stage.target;
        let prefix = ScheduledAction::prefix(&target.scope, &target.cluster, &target.service);
        let ids = stage.view.scheduled_actions.prefix(&prefix).map(|(_, row)| row.id.as_str());
        let ids: Vec<&str> = ids.collect();
        progress.scheduled.retain(|id, _| ids.contains(&id.as_str()));
        progress.scheduled.insert(action.id.clone(), stage.now);
    }
    let target = stage.target;
    if target.suspended.scheduled {
        transaction.expect(target);
    } else {
        let former = (target.min_capacity, target.max_capacity);
        let (min, max) = scheduled_bounds(former, (action.min_capacity, action.max_capacity));
        let next = ScalableTarget {
            min_capacity: min,
            max_capacity: max,
            bounds_generation: target.bounds_generation + 1,
            ..ScalableTarget::clone(target)
        };
        transaction.update(target, &next);
        let cause = format!("scheduled action name {} was triggered", action.name);
        let activity = ScalingActivity {
            description: format!("Setting min capacity to {min} and max capacity to {max}"),
            status_message: Some(format!("Successfully set min capacity to {min} and max capacity to {max}")),
            ended_at: Some(stage.now),
            ..activity::new(stage, cause, &*context.random)
        };
        activity::add(stage.view, &mut transaction, &activity);
    }
    stage.remember(&mut transaction, &progress);
    transaction
}
