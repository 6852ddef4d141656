//! The cleanup loop: removes interfaces of stopped tasks, and tasks that stopped long ago.

use control_plan::cleanup;
use control_plan::limits::DELETIONS_PER_COMMIT_MAX;
use state_tables::{ecs_leftovers, task_columns};

use crate::LoopContext;
use crate::driver::{Activation, LoopError};

pub async fn activate(context: LoopContext) -> Result<Activation, LoopError> {
    let (deleted, next) = context
        .state
        .transact(|view, transaction| {
            let cleanup = cleanup::plan(view, context.clock.now());
            for interface in &cleanup.interfaces {
                transaction.delete(interface);
            }
            for key in &cleanup.tasks {
                let Some(intent) = view.task_intents.get(key) else { continue };
                let placement = view.task_placements.get(key);
                let observation = view.task_observations.get(key);
                task_columns::delete_task(transaction, intent, placement, observation);
            }
            let room = DELETIONS_PER_COMMIT_MAX / 2;
            let leftovers = ecs_leftovers::find(view, context.clock.now(), room);
            leftovers.delete(view, transaction);
            let deleted = cleanup.interfaces.len() + cleanup.tasks.len() + leftovers.len();
            Ok::<_, LoopError>((deleted, cleanup.next))
        })
        .await?;
    Ok(if deleted == 0 { Activation::Idle(next) } else { Activation::Again })
}
