//! Retention: which events are too old, and making them go away.

use std::time::Duration;

use state_model::logs::{LogGroup, LogStream};
use state_tables::View;
use state_telemetry::logs::{AppendError, LogStore, Selector};
use stdx::clock::Timestamp;

const DAY_SECS: u64 = 24 * 3600;

/// Events of the group before this time are expired; `None` when it keeps them all.
pub fn retention_start(group: &LogGroup, now: Timestamp) -> Option<Timestamp> {
    let days = u64::from(group.retention_days?.unsigned_abs());
    Some(now.minus(Duration::from_secs(days * DAY_SECS)))
}

/// Expires what is older than its group keeps. Called by a control loop now and then; what it frees comes
/// back with the store's garbage collection.
pub async fn enforce_retention(view: &View, store: &LogStore, now: Timestamp) -> Result<(), AppendError> {
    for (_, group) in view.log_groups.iter() {
        if let Some(start) = retention_start(group, now) {
            let streams = Selector::Prefix(LogStream::key_of(&group.scope, &group.name, ""));
            store.expire_all(&streams, start.as_millis()).await?;
        }
    }
    Ok(())
}
