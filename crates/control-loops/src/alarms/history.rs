//! What is forgotten: old history, and states of alarms that are gone.

use state_model::cloudwatch::Alarm;
use state_tables::{Transaction, View};
use stdx::clock::Timestamp;

use super::memory::Remembered;
use crate::LoopContext;
use crate::driver::LoopError;
use crate::limits::{
    ALARM_HISTORY_AGE_MAX, ALARM_HISTORY_ITEMS_MAX, ALARM_HISTORY_PRUNED_PER_COMMIT, FULL_PASS_PERIOD,
};

/// Whoever deletes an alarm needn't know what it left.
pub(super) async fn forget_states(
    context: &LoopContext,
    remembered: &mut Remembered,
) -> Result<(), LoopError> {
    for key in std::mem::take(&mut remembered.gone) {
        let view = context.state.view();
        let mut transaction = Transaction::new();
        view.alarm_states.get(&key).into_iter().for_each(|row| transaction.delete(row));
        view.alarm_suppressions.get(&key).into_iter().for_each(|row| transaction.delete(row));
        if transaction.is_empty() || view.alarms.contains(&key) {
            continue;
        }
        transaction.expect_absent::<Alarm>(&key);
        // Conflict: there is a new alarm of that name, whose first transition takes the row.
        super::is_committed(context.state.commit(transaction).await)?;
    }
    Ok(())
}

pub(super) async fn prune(
    context: &LoopContext,
    remembered: &mut Remembered,
    now: Timestamp,
) -> Result<(), LoopError> {
    let monotonic = context.clock.monotonic();
    if remembered.prune_at.is_some_and(|at| monotonic < at) {
        return Ok(());
    }
    remembered.prune_at = Some(monotonic + FULL_PASS_PERIOD);
    loop {
        let view = context.state.view();
        let mut transaction = Transaction::new();
        drop_old(&view, &mut transaction, now);
        if transaction.is_empty() || !super::is_committed(context.state.commit(transaction).await)? {
            return Ok(());
        }
    }
}

fn drop_old(view: &View, transaction: &mut Transaction, now: Timestamp) {
    let excess = view.alarm_history.len().saturating_sub(ALARM_HISTORY_ITEMS_MAX);
    if excess > 0 {
        let oldest = view.alarm_history.iter().take(excess.min(ALARM_HISTORY_PRUNED_PER_COMMIT));
        oldest.for_each(|(_, row)| transaction.delete(row));
        return;
    }
    let limit = now.minus(ALARM_HISTORY_AGE_MAX);
    for (_, region) in view.regions.iter() {
        let prefix = region.scope.key("");
        let items = view.alarm_history.prefix(&prefix);
        let room = ALARM_HISTORY_PRUNED_PER_COMMIT.saturating_sub(transaction.write_count());
        let old = items.take_while(|(_, item)| item.at < limit).take(room);
        old.for_each(|(_, item)| transaction.delete(item));
    }
}
