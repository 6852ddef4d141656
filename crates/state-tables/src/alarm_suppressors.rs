//! Whether a composite alarm's actions are held back when it comes into another state.

use state_model::cloudwatch::transition::held_back;
use state_model::cloudwatch::{
    Alarm, AlarmHistory, AlarmState, AlarmSuppression, StateValue, SuppressedBy, Suppressor, Watch,
};
use stdx::clock::Timestamp;
use stdx::random::Random;

use crate::{Row, Transaction, View};

/// What a transition whose actions don't run writes besides.
#[derive(Debug)]
pub enum Held<'v> {
    /// They have been held back before it; that goes on.
    Already,
    /// A record of an alarm that is gone may be in its place.
    From(AlarmSuppression, Option<&'v Row<AlarmSuppression>>),
}

/// None: they run. `told` is the state that the alarm leaves.
pub fn hold_back<'v>(view: &'v View, alarm: &Alarm, told: StateValue, now: Timestamp) -> Option<Held<'v>> {
    let Watch::Composite(watch) = &alarm.watch else { return None };
    let suppressor = watch.suppressor.as_ref().filter(|_| alarm.actions_enabled)?;
    let row = view.alarm_suppressions.get(&Alarm::key_of(&alarm.scope, &alarm.name));
    if row.is_some_and(|row| row.uid == alarm.uid) {
        return Some(Held::Already);
    }
    let by = match value_of(view, alarm, suppressor) {
        StateValue::Alarm => SuppressedBy::Alarm,
        _ if suppressor.wait_secs > 0 => SuppressedBy::WaitPeriod,
        _ => return None,
    };
    Some(Held::From(suppression(alarm, suppressor, by, told, now), row))
}

impl Held<'_> {
    pub fn write(
        &self,
        transaction: &mut Transaction,
        alarm: &Alarm,
        history: &mut Vec<AlarmHistory>,
        now: Timestamp,
        random: &dyn Random,
    ) {
        let Held::From(suppression, row) = self else { return };
        history.push(held_back(alarm, suppression.by, &suppression.reason, now, random));
        match row {
            Some(row) => transaction.update(row, suppression),
            None => transaction.insert(suppression),
        }
    }
}

/// The state of the suppressor. One that is gone suppresses nothing.
pub fn value_of(view: &View, alarm: &Alarm, suppressor: &Suppressor) -> StateValue {
    let key = Alarm::key_of(&alarm.scope, suppressor.name(&alarm.scope));
    let recorded = view.alarm_states.get(&key).map(|row| &**row.record());
    view.alarms.get(&key).map_or(StateValue::InsufficientData, |row| AlarmState::current(row, recorded).value)
}

pub fn suppression(
    alarm: &Alarm,
    suppressor: &Suppressor,
    by: SuppressedBy,
    told: StateValue,
    now: Timestamp,
) -> AlarmSuppression {
    let name = suppressor.name(&alarm.scope);
    let reason = match by {
        SuppressedBy::Alarm => format!("Actions suppressed by {name}"),
        SuppressedBy::WaitPeriod => format!("Actions suppressed while waiting for {name}"),
        SuppressedBy::ExtensionPeriod => format!("Actions suppressed for the extension period of {name}"),
    };
    let (scope, uid) = (alarm.scope.clone(), alarm.uid.clone());
    AlarmSuppression { scope, name: alarm.name.clone(), uid, by, reason, since: now, told }
}
