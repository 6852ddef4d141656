//! Writing what an alarm went through, and dropping what it went through long ago.

use state_model::cloudwatch::transition::Change;
use state_model::cloudwatch::{Alarm, AlarmHistory};
use state_model::record::Record;

use crate::limits::{ALARM_HISTORY_DROPPED_MAX, ALARM_HISTORY_KEPT};
use crate::{Transaction, View};

/// Adds everything that a transition writes, on condition that the state is still the one that the view has.
pub fn write(view: &View, transaction: &mut Transaction, change: &Change) {
    match view.alarm_states.get(&change.state.key()) {
        Some(row) => transaction.update(row, &change.state),
        None => transaction.insert(&change.state),
    }
    change.messages.iter().for_each(|message| transaction.insert(message));
    transaction.insert(&change.event);
    tell(view, transaction, &change.history);
}

/// Adds items of one alarm's history.
pub fn tell(view: &View, transaction: &mut Transaction, items: &[AlarmHistory]) {
    let Some(first) = items.first() else { return };
    items.iter().for_each(|item| transaction.insert(item));
    let key = Alarm::key_of(&first.scope, &first.name);
    let kept = view.alarm_history.by(AlarmHistory::ALARM, &key).count();
    let excess = (kept + items.len()).saturating_sub(ALARM_HISTORY_KEPT).min(ALARM_HISTORY_DROPPED_MAX);
    let oldest = view.alarm_history.by(AlarmHistory::ALARM, &key).take(excess);
    oldest.for_each(|item| transaction.delete(item));
}
