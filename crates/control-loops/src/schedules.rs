//! The schedules loop: writes what a time that has come brings about in the transaction that says that it has come.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use control_plan::schedules::{Firing, Next, Timed, fire, next};
use state_model::scheduler::{Schedule, ScheduleGroup};
use state_store::CommitError;
use state_tables::{Transaction, View};
use stdx::clock::Timestamp;

use crate::LoopContext;
use crate::driver::{Activation, LoopError};
use crate::limits::{DELIVERIES_MAX, FIRINGS_PER_COMMIT_MAX, GROUP_DELETIONS_PER_COMMIT_MAX};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    Rule(String),
    Schedule(String),
}

impl Key {
    fn find<'a>(&self, view: &'a View) -> Option<Timed<'a>> {
        match self {
            Key::Rule(key) => view.event_rules.get(key).map(|row| Timed::Rule(row)),
            Key::Schedule(key) => view.schedules.get(key).map(|row| Timed::Schedule(row)),
        }
    }
}

/// When everything that has times is looked at next.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Agenda>>);

#[derive(Debug, Default)]
struct Agenda {
    /// As of which the rest holds.
    view: Arc<View>,
    order: BTreeSet<(Timestamp, Key)>,
    times: HashMap<Key, Timestamp>,
    /// ARNs of what fired and isn't there any more.
    orphans: BTreeSet<String>,
}

impl Agenda {
    /// Costs what has changed.
    fn follow(&mut self, view: &Arc<View>) {
        let before = std::mem::replace(&mut self.view, Arc::clone(view));
        for change in view.event_rules.changed_since(&before.event_rules) {
            let was_timed = |row: &state_tables::Row<state_model::events::rule::Rule>| row.schedule.is_some();
            if change.before.is_some_and(was_timed) || change.after.is_some_and(was_timed) {
                self.note(view, Key::Rule(change.key.to_owned()));
            }
        }
        for change in view.schedules.changed_since(&before.schedules) {
            self.note(view, Key::Schedule(change.key.to_owned()));
        }
        for change in view.schedules_fired.changed_since(&before.schedules_fired) {
            let Some(fired) = change.newest() else { continue };
            match key_of_arn(&fired.arn) {
                Some(key) if key.find(view).is_some() => self.note(view, key),
                _ if change.after.is_some() => {
                    self.orphans.insert(fired.arn.clone());
                }
                _ => {
                    self.orphans.remove(&fired.arn);
                }
            }
        }
    }

    fn note(&mut self, view: &View, key: Key) {
        if let Some(former) = self.times.remove(&key) {
            self.order.remove(&(former, key.clone()));
        }
        let Some(timed) = key.find(view) else {
            // Deleted: what is known of its times goes as well.
            let arn = arn_of_key(&key);
            if view.schedules_fired.contains(&arn) {
                self.orphans.insert(arn);
            }
            return;
        };
        let at = match next(view, timed) {
            Next::At(at) => at,
            Next::Ended => Timestamp(0),
            Next::Never => return,
        };
        self.times.insert(key.clone(), at);
        self.order.insert((at, key));
    }

    fn due(&self, now: Timestamp) -> Vec<Key> {
        let due = self.order.iter().take_while(|(at, _)| *at <= now);
        due.take(FIRINGS_PER_COMMIT_MAX).map(|(_, key)| key.clone()).collect()
    }
}

pub async fn activate(context: LoopContext, memory: Memory) -> Result<Activation, LoopError> {
    let view = context.state.view();
    let now = context.clock.now();
    let mut transaction = Transaction::new();
    let next = {
        let mut agenda = memory.0.lock().unwrap_or_else(PoisonError::into_inner);
        agenda.follow(&view);
        forget(&view, &agenda.orphans, &mut transaction);
        if view.deliveries.len() < DELIVERIES_MAX {
            for key in agenda.due(now) {
                decide(&context, &view, &key, now, &mut transaction);
            }
        }
        agenda.order.first().map(|(at, _)| *at).filter(|_| view.deliveries.len() < DELIVERIES_MAX)
    };
    if transaction.is_empty() {
        end_groups(&view, &mut transaction);
    }
    if transaction.is_empty() {
        return Ok(Activation::Idle(next));
    }
    match context.state.commit(transaction).await {
        Ok(_) | Err(CommitError::Conflict { .. }) => Ok(Activation::Again),
        Err(error) => Err(LoopError::Commit(error)),
    }
}

fn decide(context: &LoopContext, view: &View, key: &Key, now: Timestamp, transaction: &mut Transaction) {
    let Some(timed) = key.find(view) else { return };
    let firing = fire(view, timed, now, &*context.random);
    let is_over = next(view, timed) == Next::Ended;
    match key {
        Key::Rule(key) => view.event_rules.get(key).into_iter().for_each(|row| transaction.expect(row)),
        Key::Schedule(key) => {
            let Some(row) = view.schedules.get(key) else { return };
            let ends = is_over || firing.as_ref().is_some_and(|firing| firing.is_last);
            if ends { transaction.delete(row) } else { transaction.expect(row) }
        }
    }
    if let Some(firing) = firing {
        write(view, &firing, transaction);
    }
}

fn write(view: &View, firing: &Firing, transaction: &mut Transaction) {
    firing.deliveries.iter().for_each(|delivery| transaction.insert(delivery));
    firing.events.iter().for_each(|event| transaction.insert(event));
    firing.streams.iter().for_each(|stream| transaction.insert(stream));
    match (view.schedules_fired.get(&firing.fired.arn), firing.is_last) {
        (Some(row), true) => transaction.delete(row),
        (Some(row), false) => transaction.update(row, &firing.fired),
        (None, true) => {}
        (None, false) => transaction.insert(&firing.fired),
    }
}

fn forget(view: &View, orphans: &BTreeSet<String>, transaction: &mut Transaction) {
    for arn in orphans.iter().take(FIRINGS_PER_COMMIT_MAX) {
        if let Some(row) = view.schedules_fired.get(arn) {
            transaction.delete(row);
        }
    }
}

/// Deleted groups take their schedules along, and then go themselves.
fn end_groups(view: &View, transaction: &mut Transaction) {
    // One group at a time fits in a commit.
    if let Some(group) = view.schedule_groups.by(ScheduleGroup::DELETING, "").next() {
        let prefix = Schedule::key_of(&group.scope, &group.name, "");
        let schedules = view.schedules.prefix(&prefix).take(GROUP_DELETIONS_PER_COMMIT_MAX);
        let before = transaction.write_count();
        schedules.for_each(|(_, row)| transaction.delete(row));
        if transaction.write_count() == before {
            transaction.delete(group);
        }
    }
}

/// The ARN of a rule or schedule leads back to its key.
fn key_of_arn(arn: &str) -> Option<Key> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let [_, _, service, region, account, resource] = parts[..] else { return None };
    let scope = state_model::Scope::new(account, region);
    let (kind, name) = resource.split_once('/')?;
    match (service, kind) {
        ("scheduler", "schedule") => Some(Key::Schedule(scope.key(name))),
        ("events", "rule") => {
            let (bus, name) = name.rsplit_once('/').unwrap_or((state_model::events::DEFAULT_BUS, name));
            Some(Key::Rule(state_model::events::rule::Rule::key_of(&scope, bus, name)))
        }
        _ => None,
    }
}

fn arn_of_key(key: &Key) -> String {
    let scope_of = |key: &str| {
        let mut parts = key.splitn(3, '/');
        let (account, region, rest) = (parts.next(), parts.next(), parts.next());
        let scope = state_model::Scope::new(account.unwrap_or_default(), region.unwrap_or_default());
        (scope, rest.unwrap_or_default().to_owned())
    };
    match key {
        Key::Schedule(key) => {
            let (scope, rest) = scope_of(key);
            scope.arn("scheduler", &format!("schedule/{rest}"))
        }
        Key::Rule(key) => {
            let (scope, rest) = scope_of(key);
            let (bus, name) = rest.rsplit_once(':').unwrap_or_default();
            state_model::events::rule::arn_of(&scope, bus, name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use state_model::Scope;

    #[test]
    fn arns_and_keys_lead_to_each_other() {
        let scope = Scope::new("000000000000", "us-east-1");
        for key in [
            Key::Rule(state_model::events::rule::Rule::key_of(&scope, "default", "r")),
            Key::Rule(state_model::events::rule::Rule::key_of(&scope, "a/b", "r")),
            Key::Schedule(Schedule::key_of(&scope, "g", "s")),
        ] {
            assert_eq!(key_of_arn(&arn_of_key(&key)), Some(key));
        }
    }
}
