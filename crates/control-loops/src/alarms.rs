//! The alarms loop: reads the metrics that alarms watch when they are due, and commits each new state with its history, its
//! notifications and its event in one transaction: no kill makes it tell one transition twice, or not at all.
//!
//! A clock that jumps makes no transition: what lies before the jump counts no longer, and gaps prove nothing until all of an
//! alarm's range lies after it. Likewise gaps from before the start of this program, for alarms that were there before.

mod composite;
mod history;
mod memory;
mod metric;

use std::sync::{Arc, Mutex, PoisonError};

use state_store::CommitError;
use state_telemetry::metrics::MetricStore;

use crate::LoopContext;
use crate::driver::{Activation, LoopError};

use memory::Remembered;

/// What an activation leaves for the next one. Losing it costs an evaluation of everything.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Remembered>>);

pub async fn activate(
    context: LoopContext,
    metrics: MetricStore,
    memory: Memory,
) -> Result<Activation, LoopError> {
    let mut remembered = std::mem::take(&mut *memory.lock());
    let done = work(&context, metrics, &mut remembered).await;
    let next = remembered.next();
    *memory.lock() = remembered;
    done.map(|()| Activation::Idle(next))
}

async fn work(
    context: &LoopContext,
    metrics: MetricStore,
    remembered: &mut Remembered,
) -> Result<(), LoopError> {
    let now = context.clock.now();
    remembered.note_time(now, context.clock.monotonic());
    remembered.follow(context.state.view(), now);
    metric::evaluate_due(context, metrics, remembered, now).await?;
    // Their children may just have changed.
    remembered.follow(context.state.view(), now);
    composite::evaluate_touched(context, remembered, now).await?;
    composite::follow_suppressions(context, remembered, now).await?;
    history::forget_states(context, remembered).await?;
    history::prune(context, remembered, now).await
}

impl Memory {
    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// False when something that the decision depends on has changed: then it is made anew.
fn is_committed(result: Result<state_store::Revision, CommitError>) -> Result<bool, LoopError> {
    match result {
        Ok(_) => Ok(true),
        Err(CommitError::Conflict { .. }) => Ok(false),
        Err(error) => Err(LoopError::Commit(error)),
    }
}
