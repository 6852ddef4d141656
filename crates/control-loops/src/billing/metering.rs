//! The metering loop: the only writer of usage. What a task used is recorded before the task is forgotten, once: with it goes
//! how far it is recorded.

use control_plan::billing::metering;
use stdx::clock::Timestamp;

use crate::LoopContext;
use crate::changed_tasks::Memory;
use crate::driver::{Activation, LoopError};
use crate::limits::WRITES_PER_COMMIT_MAX;

/// What an activation leaves for the next one.
#[derive(Clone, Debug, Default)]
pub struct Meters {
    tasks: Memory,
    /// When a day is over for the tasks that run.
    day_over_at: std::sync::Arc<std::sync::Mutex<Option<Timestamp>>>,
}

/// Woken by changes, and at midnight.
pub async fn activate(context: LoopContext, memory: Meters) -> Result<Activation, LoopError> {
    let view = context.state.view();
    let now = context.clock.now();
    let mut due = memory.tasks.changed(&view, context.clock.monotonic());
    if memory.day_is_over(now) {
        due.extend(view.live_tasks.iter().map(|key| key.to_string()));
    }
    due.retain(|key| metering::plan(&view, key, now).is_some());
    let due: Vec<String> = due.into_iter().collect();
    let mut left = due.as_slice();
    while !left.is_empty() {
        left = record(&context, left, now).await?;
    }
    let next = metering::next(&view, now);
    *memory.day_over_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = next;
    memory.tasks.settle(view);
    Ok(Activation::Idle(next))
}

/// Records as much as one commit takes: what is left of `keys`. Decided anew from the newest snapshot.
async fn record<'k>(
    context: &LoopContext,
    keys: &'k [String],
    now: Timestamp,
) -> Result<&'k [String], LoopError> {
    let done = context
        .state
        .transact(|view, transaction| {
            for (index, key) in keys.iter().enumerate() {
                let Some(metered) = metering::plan(view, key, now) else { continue };
                let writes = metered.usages.len() + 1;
                if transaction.write_count() + writes > WRITES_PER_COMMIT_MAX {
                    return Ok(index);
                }
                metered.usages.iter().for_each(|usage| transaction.insert(usage));
                match &metered.former {
                    Some(former) => transaction.update(former, &metered.meter),
                    None => transaction.insert(&metered.meter),
                }
                if !metered.meter.is_final && !metered.usages.is_empty() {
                    // More days may be due than one commit takes.
                    return Ok(index);
                }
            }
            Ok::<_, LoopError>(keys.len())
        })
        .await?;
    Ok(&keys[done..])
}

impl Meters {
    fn day_is_over(&self, now: Timestamp) -> bool {
        let at = *self.day_over_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        at.is_some_and(|at| now >= at)
    }
}
