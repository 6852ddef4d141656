//! Drives a loop: one activation at a time, woken by a change of the state or by time.

use std::future::Future;
use std::time::Duration;

use state_tables::TransactError;
use stdx::clock::Timestamp;
use stdx_async::shutdown::Shutdown;
use tracing::{debug, warn};

use crate::LoopContext;
use crate::limits::{FAILURE_PAUSE, PERIOD_MAX};

/// What an activation found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// There was more to do than one commit takes: go on at once.
    Again,
    /// Nothing more until something changes, or until the given time.
    Idle(Option<Timestamp>),
}

/// What wakes a loop beside the time that it names itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Every change of the state.
    Changes,
    /// Nothing: its work becomes due by time alone, and costs more than a change is worth.
    Time,
}

#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    #[error("the loop's decision could not be committed")]
    Commit(#[source] state_store::CommitError),
}

impl From<TransactError<LoopError>> for LoopError {
    fn from(error: TransactError<LoopError>) -> Self {
        match error {
            TransactError::Refused(error) => error,
            TransactError::Commit(error) => LoopError::Commit(error),
        }
    }
}

/// Runs `activate` until the shutdown.
pub async fn drive<F>(
    name: &'static str,
    wake: Wake,
    context: LoopContext,
    mut shutdown: Shutdown,
    mut activate: impl FnMut(LoopContext) -> F,
) where
    F: Future<Output = Result<Activation, LoopError>>,
{
    let mut changes = context.state.changes();
    while !shutdown.is_requested() {
        changes.mark_unchanged();
        let wait = match activate(context.clone()).await {
            Ok(Activation::Again) => continue,
            Ok(Activation::Idle(next)) => until(next, &context),
            Err(error) => {
                warn!(name, error = &error as &dyn std::error::Error, "a loop could not commit; it goes on");
                tokio::select! {
                    () = tokio::time::sleep(FAILURE_PAUSE) => {}
                    () = shutdown.requested() => {}
                }
                continue;
            }
        };
        tokio::select! {
            changed = changes.changed(), if wake == Wake::Changes => if changed.is_err() { break },
            () = tokio::time::sleep(wait) => {}
            () = shutdown.requested() => {}
        }
    }
    debug!(name, "loop ended");
}

fn until(next: Option<Timestamp>, context: &LoopContext) -> Duration {
    next.map_or(PERIOD_MAX, |at| at.since(context.clock.now()).min(PERIOD_MAX))
}
