//! The ages of archives: what is older than an archive keeps goes away, and replays that ended long ago are forgotten.

use std::time::Duration;

use state_model::events::archive::Replay;
use state_store::CommitError;
use state_tables::{Row, Transaction};
use state_telemetry::logs::LogStore;

use crate::LoopContext;
use crate::driver::{Activation, LoopError};
use crate::limits::{FAILURE_PAUSE, REPLAYS_KEPT};

const DAY_SECS: u64 = 86_400;

/// Woken by time.
pub async fn activate(context: LoopContext, archives: LogStore) -> Result<Activation, LoopError> {
    let view = context.state.view();
    let now = context.clock.now();
    for (_, archive) in view.event_archives.iter().filter(|(_, archive)| archive.retention_days > 0) {
        let kept = Duration::from_secs(u64::from(archive.retention_days) * DAY_SECS);
        if let Err(error) = archives.expire(&archive.stream(), now.minus(kept).as_millis()).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, archive = archive.name, "an archive could not be shortened");
            return Ok(Activation::Idle(Some(now.plus(FAILURE_PAUSE))));
        }
    }
    let is_old = |row: &&Row<Replay>| row.ended_at.is_some_and(|ended| now.since(ended) > REPLAYS_KEPT);
    let Some(old) = view.event_replays.iter().map(|(_, row)| row).find(is_old) else {
        return Ok(Activation::Idle(None));
    };
    let mut transaction = Transaction::new();
    transaction.delete(old);
    match context.state.commit(transaction).await {
        Ok(_) | Err(CommitError::Conflict { .. }) => Ok(Activation::Again),
        Err(error) => Err(LoopError::Commit(error)),
    }
}
