//! The attach loop: registers the tasks of services with target groups, lets them drain, and takes away what has drained.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use control_plan::attach::{self, Change, ChangeKind};
use control_plan::limits::TARGET_CHANGES_PER_COMMIT_MAX;
use control_plan::services;
use state_model::ecs::service::service_key;
use state_model::record::Record;
use state_tables::{Transaction, View};
use stdx::clock::Timestamp;

use crate::LoopContext;
use crate::changed::{Touched, Tracker};
use crate::driver::{Activation, LoopError};
use crate::limits::SERVICES_LOOKED_UP_MAX;
use crate::service_events;

/// What an activation leaves for the next one. Losing it costs a full pass.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Tracker>>);

pub async fn activate(context: LoopContext, memory: Memory) -> Result<Activation, LoopError> {
    let before = context.state.view();
    let touched = memory.lock().touched(&before, context.clock.monotonic());
    let (is_complete, next) = context
        .state
        .transact(|view, transaction| {
            let now = context.clock.now();
            let (mut changes, next) = due(view, &touched, now);
            let is_complete = changes.len() <= TARGET_CHANGES_PER_COMMIT_MAX;
            changes.truncate(TARGET_CHANGES_PER_COMMIT_MAX);
            touch_groups(view, transaction, &changes);
            changes.iter().for_each(|change| write(view, transaction, change));
            tell(&context, view, transaction, &changes, now);
            Ok::<_, LoopError>((is_complete, next))
        })
        .await?;
    if !is_complete {
        return Ok(Activation::Again);
    }
    memory.lock().settle(before);
    Ok(Activation::Idle(next))
}

impl Memory {
    fn lock(&self) -> std::sync::MutexGuard<'_, Tracker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each target changes once at most: what happens to its task comes first.
fn due<'v>(view: &'v View, touched: &Touched, now: Timestamp) -> (Vec<Change<'v>>, Option<Timestamp>) {
    let mut changes = match touched {
        Touched::Services(keys) if keys.len() <= SERVICES_LOOKED_UP_MAX => {
            let rows = keys.iter().filter_map(|key| view.services.get(key));
            let changes = rows.map(|row| attach::of_service(view, row, &services::tasks_of(view, row), now));
            changes.flatten().collect()
        }
        _ => everything(view, now),
    };
    let orphans = if *touched == Touched::All { attach::orphans(view) } else { Vec::new() };
    let (drained, next) = attach::drained(view, now);
    let mut known: HashSet<String> = changes.iter().map(|change| change.target.key()).collect();
    for change in orphans.into_iter().chain(drained) {
        if known.insert(change.target.key()) {
            changes.push(change);
        }
    }
    (changes, next)
}

fn everything(view: &View, now: Timestamp) -> Vec<Change<'_>> {
    let tasks = services::all_tasks(view);
    let mut changes = Vec::new();
    for (_, service) in view.services.iter() {
        if let Some(rows) = tasks.get(service.uid.as_str()) {
            changes.extend(attach::of_service(view, service, rows, now));
        }
    }
    changes
}

/// Writes the groups of new targets as they are: a deletion of one that hasn't seen its target must not go through.
fn touch_groups(view: &View, transaction: &mut Transaction, changes: &[Change<'_>]) {
    let registered = changes.iter().filter(|change| change.kind == ChangeKind::Register);
    let keys: BTreeSet<String> =
        registered.map(|change| change.target.scope.key(&change.target.target_group)).collect();
    for group in keys.iter().filter_map(|key| view.elb_target_groups.get(key)) {
        transaction.update(group, group.record());
    }
}

fn write(view: &View, transaction: &mut Transaction, change: &Change<'_>) {
    // A stop that is asked for meanwhile must find the target, or find that there is none.
    if let Some(intent) = change.task.and_then(|key| view.task_intents.get(key)) {
        transaction.expect(intent);
    }
    match (change.kind, change.row) {
        (ChangeKind::Register, None) => transaction.insert(&change.target),
        (ChangeKind::Register | ChangeKind::Drain, Some(row)) => transaction.update(row, &change.target),
        (ChangeKind::Remove | ChangeKind::RemoveDrained, Some(row)) => {
            transaction.delete(row);
            if let Some(health) = view.elb_target_health.get(&change.target.key()) {
                transaction.delete(health);
            }
        }
        (ChangeKind::Drain | ChangeKind::Remove | ChangeKind::RemoveDrained, None) => {}
    }
}

fn tell(
    context: &LoopContext,
    view: &View,
    transaction: &mut Transaction,
    changes: &[Change<'_>],
    now: Timestamp,
) {
    let mut by_service: BTreeMap<String, Vec<&Change<'_>>> = BTreeMap::new();
    for change in changes {
        let Some(intent) = change.task.and_then(|key| view.task_intents.get(key)) else { continue };
        let Some(own) = &intent.service else { continue };
        let key = service_key(&intent.scope, &intent.cluster, &own.name);
        if view.services.get(&key).is_some_and(|service| service.uid == own.uid) {
            by_service.entry(key).or_default().push(change);
        }
    }
    for (key, changes) in by_service {
        let Some(service) = view.services.get(&key) else { continue };
        let messages = attach::messages(view, service, &changes);
        service_events::tell(view, transaction, service, messages, now, &*context.random);
    }
}
