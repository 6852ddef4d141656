//! The loop that tells of tasks on the event bus. How far each task was told goes with its events, in one transaction: no
//! version is told twice, and after a crash the newest one is told.

use control_plan::ecs_events::{self, SOURCE, TASK_STATE_CHANGE};
use control_plan::limits::TASKS_TOLD_PER_COMMIT_MAX;
use state_model::events::PendingEvent;

use crate::LoopContext;
use crate::changed_tasks::Memory;
use crate::driver::{Activation, LoopError};

/// Woken by changes.
pub async fn tasks(context: LoopContext, memory: Memory) -> Result<Activation, LoopError> {
    let view = context.state.view();
    let mut keys = memory.changed(&view, context.clock.monotonic());
    let now = context.clock.now();
    keys.retain(|key| {
        let version = view.task(key).map(|task| task.version());
        version > view.task_told.get(key).map(|told| told.version)
    });
    let keys: Vec<String> = keys.into_iter().collect();
    for keys in keys.chunks(TASKS_TOLD_PER_COMMIT_MAX) {
        context
            .state
            .transact(|view, transaction| {
                for key in keys {
                    let Some(untold) = ecs_events::task(view, key, now) else { continue };
                    match &untold.former {
                        Some(former) => transaction.update(former, &untold.told),
                        None => transaction.insert(&untold.told),
                    }
                    transaction.insert(&PendingEvent::of_service(
                        &untold.told.scope,
                        SOURCE,
                        TASK_STATE_CHANGE,
                        vec![untold.task_arn],
                        &untold.detail,
                        now,
                        &*context.random,
                    ));
                }
                Ok::<_, LoopError>(())
            })
            .await?;
    }
    memory.settle(view);
    Ok(Activation::Idle(None))
}
