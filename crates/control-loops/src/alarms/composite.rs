//! Composite alarms: they follow their children, and may hold their actions back.

use control_plan::alarms::composite::{self, Child, Step};
use state_model::Scope;
use state_model::cloudwatch::rule::Rule;
use state_model::cloudwatch::transition::{self, Actions, held_back};
use state_model::cloudwatch::{Alarm, AlarmState, AlarmSuppression, CompositeWatch, Watch};
use state_tables::alarm_suppressors::{self, suppression, value_of};
use state_tables::{Row, Transaction, View, alarm_changes};
use stdx::clock::Timestamp;

use super::memory::Remembered;
use crate::LoopContext;
use crate::driver::LoopError;
use crate::limits::CONFLICT_PAUSE;

/// Those whose rule or children have changed.
pub(super) async fn evaluate_touched(
    context: &LoopContext,
    remembered: &mut Remembered,
    now: Timestamp,
) -> Result<(), LoopError> {
    let mut rest = std::mem::take(&mut remembered.touched);
    while let Some(key) = rest.pop_first() {
        let done = evaluate(context, &key, now).await;
        if !matches!(done, Ok(true)) {
            remembered.touched.insert(key);
            remembered.release_at = Some(now.plus(CONFLICT_PAUSE));
        }
        if let Err(error) = done {
            remembered.touched.append(&mut rest);
            return Err(error);
        }
    }
    Ok(())
}

/// False when it has to be done again.
async fn evaluate(context: &LoopContext, key: &str, now: Timestamp) -> Result<bool, LoopError> {
    let view = context.state.view();
    let Some(row) = view.alarms.get(key) else { return Ok(true) };
    let Watch::Composite(watch) = &row.watch else { return Ok(true) };
    let mut transaction = Transaction::new();
    decide(context, &view, row, watch, &mut transaction, now);
    if transaction.is_empty() {
        return Ok(true);
    }
    super::is_committed(context.state.commit(transaction).await)
}

fn decide(
    context: &LoopContext,
    view: &View,
    row: &Row<Alarm>,
    watch: &CompositeWatch,
    transaction: &mut Transaction,
    now: Timestamp,
) {
    // What the API let in can be read.
    let Ok(rule) = Rule::parse(&watch.rule, &row.scope) else { return };
    let children: Vec<Child> =
        rule.children().iter().filter_map(|name| child(view, &row.scope, name)).collect();
    let former = current(view, row);
    let Some(decision) = composite::evaluate(&rule, former.value, &children) else { return };
    let held = alarm_suppressors::hold_back(view, row, former.value, now);
    let actions = if held.is_some() { Actions::Suppressed } else { Actions::Run };
    let random = &*context.random;
    let mut change =
        transition::transition(row, &former, decision.next, actions, &decision.children, now, random);
    if let Some(held) = held {
        held.write(transaction, row, &mut change.history, now, random);
    }
    transaction.expect(row);
    alarm_changes::write(view, transaction, &change);
}

fn child(view: &View, scope: &Scope, name: &str) -> Option<Child> {
    let alarm = view.alarms.get(&Alarm::key_of(scope, name))?;
    Some(Child { arn: alarm.arn(), state: current(view, alarm) })
}

fn current(view: &View, alarm: &Alarm) -> AlarmState {
    let recorded = view.alarm_states.get(&Alarm::key_of(&alarm.scope, &alarm.name));
    AlarmState::current(alarm, recorded.map(|row| &**row.record()))
}

/// What becomes of actions that are held back.
pub(super) async fn follow_suppressions(
    context: &LoopContext,
    remembered: &mut Remembered,
    now: Timestamp,
) -> Result<(), LoopError> {
    if remembered.release_at.is_some_and(|at| at <= now) {
        remembered.release_at = None;
    }
    let view = context.state.view();
    for (_, row) in view.alarm_suppressions.iter() {
        let mut transaction = Transaction::new();
        let next = follow(context, &view, row, &mut transaction, now);
        let mut due = next;
        if !transaction.is_empty() && !super::is_committed(context.state.commit(transaction).await)? {
            due = Some(now.plus(CONFLICT_PAUSE));
        }
        remembered.release_at = [remembered.release_at, due].into_iter().flatten().min();
    }
    Ok(())
}

/// When to look again.
fn follow(
    context: &LoopContext,
    view: &View,
    row: &Row<AlarmSuppression>,
    transaction: &mut Transaction,
    now: Timestamp,
) -> Option<Timestamp> {
    let alarm = view.alarms.get(&Alarm::key_of(&row.scope, &row.name)).filter(|alarm| alarm.uid == row.uid);
    let Some(alarm) = alarm else {
        transaction.delete(row);
        return None;
    };
    let random = &*context.random;
    let suppressor = match &alarm.watch {
        Watch::Composite(watch) => watch.suppressor.as_ref(),
        Watch::Metric(_) => None,
    };
    let step = suppressor.map_or(Step::Release, |suppressor| {
        composite::follow(row, suppressor, value_of(view, alarm, suppressor), now)
    });
    match (step, suppressor) {
        (Step::Wait(until), _) => until,
        (Step::By(by), Some(suppressor)) => {
            let next = suppression(alarm, suppressor, by, row.told, now);
            transaction.expect(alarm);
            transaction.update(row, &next);
            alarm_changes::tell(view, transaction, &[held_back(alarm, by, &next.reason, now, random)]);
            None
        }
        (Step::Release | Step::By(_), _) => {
            transaction.expect(alarm);
            transaction.delete(row);
            let state = current(view, alarm);
            let recorded = view.alarm_states.get(&Alarm::key_of(&alarm.scope, &alarm.name));
            recorded.into_iter().for_each(|recorded| transaction.expect(recorded));
            if state.value != row.told {
                let performed = transition::perform(alarm, row.told, &state, &[], now, random);
                performed.messages.iter().for_each(|message| transaction.insert(message));
                alarm_changes::tell(view, transaction, &performed.history);
            }
            None
        }
    }
}
