//! The scaling loop: the only writer of scaling activities. It changes the desired count of services, as their scalable
//! targets, scheduled actions and scaling policies have it.
//!
//! Whatever is decided is one transaction with its activity, what is remembered of it, and its event: a server that is killed
//! neither loses nor repeats a decision.

mod activity;
mod calls;
mod fulfilled;
mod gone;
mod points;
mod scheduled;
mod touched;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use control_plan::scaling::{self, Bound};
use state_model::autoscaling::{ScalableTarget, ScalingProgress};
use state_model::ecs::service::Service;
use state_model::record::Record;
use state_store::CommitError;
use state_tables::{Row, Transaction, View};
use state_telemetry::metrics::MetricStore;
use stdx::clock::Timestamp;
use tracing::debug;

use crate::LoopContext;
use crate::driver::{Activation, LoopError};
use crate::limits::{CONFLICT_PAUSE, SCALING_STEPS_PER_TURN};
use activity::Changing;

pub use gone::expired_activities;

/// What an activation leaves for the next one. Losing it costs a full pass, and alarms that led to nothing are asked again.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    tracker: touched::Tracker,
    /// When time alone gives a target something to do, by its key.
    due: BTreeMap<String, Timestamp>,
    asked: Asked,
}

/// When each alarm's call was last looked into, by the alarm's key.
type Asked = BTreeMap<String, Timestamp>;

pub async fn activate(
    context: LoopContext,
    metrics: MetricStore,
    memory: Memory,
) -> Result<Activation, LoopError> {
    let view = context.state.view();
    let now = context.clock.now();
    let mut remembered = std::mem::take(&mut *memory.lock());
    let mut keys = remembered.tracker.touched(&view, context.clock.monotonic());
    keys.extend(remembered.due.iter().filter(|(_, at)| now >= **at).map(|(key, _)| key.clone()));
    let outcome = work_on(&context, &metrics, &mut remembered, keys).await;
    remembered.asked.retain(|key, _| view.alarms.contains(key));
    if outcome.is_ok() {
        remembered.tracker.settle(view);
    }
    let next = remembered.due.values().min().copied();
    *memory.lock() = remembered;
    outcome.map(|()| Activation::Idle(next))
}

impl Memory {
    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn work_on(
    context: &LoopContext,
    metrics: &MetricStore,
    remembered: &mut Remembered,
    keys: BTreeSet<String>,
) -> Result<(), LoopError> {
    for key in keys {
        // Until it is done it stays due, also when a commit fails.
        remembered.due.insert(key.clone(), context.clock.now());
        for _ in 0..SCALING_STEPS_PER_TURN {
            let Step::Idle(next) = step(context, metrics, &mut remembered.asked, &key).await? else {
                continue;
            };
            match next {
                Some(next) => remembered.due.insert(key.clone(), next),
                None => remembered.due.remove(&key),
            };
            break;
        }
    }
    Ok(())
}

/// What one look at a target led to.
enum Step {
    /// Something was committed: there may be more.
    Done,
    /// Nothing until something changes, or until then.
    Idle(Option<Timestamp>),
}

/// A target with its service, at one time.
struct Stage<'v> {
    view: &'v View,
    target: &'v Row<ScalableTarget>,
    service: &'v Row<Service>,
    progress: Option<&'v Row<ScalingProgress>>,
    now: Timestamp,
}

impl Stage<'_> {
    /// What is remembered of this target: of another one, nothing.
    fn remembered(&self) -> ScalingProgress {
        match self.progress.filter(|row| row.target_id == self.target.id) {
            Some(row) => ScalingProgress::clone(row),
            None => ScalingProgress::new(self.target),
        }
    }

    fn remember(&self, transaction: &mut Transaction, progress: &ScalingProgress) {
        match self.progress {
            Some(row) => transaction.update(row, progress),
            None => transaction.insert(progress),
        }
    }
}

async fn step(
    context: &LoopContext,
    metrics: &MetricStore,
    asked: &mut Asked,
    key: &str,
) -> Result<Step, LoopError> {
    let view = context.state.view();
    let Some(target) = view.scalable_targets.get(key) else { return Ok(Step::Idle(None)) };
    let now = context.clock.now();
    let service = view.services.get(key).filter(|row| !row.is_deleted() && row.uid == target.service_uid);
    let Some(service) = service else {
        return commit(context, gone::forget(&view, target, context)).await;
    };
    let progress = view.scaling_progress.get(key);
    let stage = Stage { view: &view, target, service, progress, now };
    let mut wake = Wake::default();
    if let Some(transaction) = fulfilled::plan(&stage, context, &mut wake) {
        return commit(context, transaction).await;
    }
    if let Some(transaction) = scheduled::plan(&stage, context, &mut wake) {
        return commit(context, transaction).await;
    }
    if let Some(transaction) = bounds(&stage, context) {
        return commit(context, transaction).await;
    }
    let calls = calls::due(&stage, asked, &mut wake);
    if calls.is_empty() {
        return Ok(Step::Idle(wake.at));
    }
    for call in &calls {
        asked.insert(call.alarm.key(), now);
        wake.at(now.plus(call.interval));
    }
    let points = points::read(metrics, target, &calls, now).await;
    match calls::plan(&stage, context, &calls, points) {
        Some(transaction) => commit(context, transaction).await,
        None => Ok(Step::Idle(wake.at)),
    }
}

/// The earliest time that something asked for.
#[derive(Debug, Default)]
struct Wake {
    at: Option<Timestamp>,
}

impl Wake {
    fn at(&mut self, at: Timestamp) {
        self.at = Some(self.at.map_or(at, |former| former.min(at)));
    }
}

/// Bounds that changed pull the desired count at once, whatever cools down.
fn bounds(stage: &Stage<'_>, context: &LoopContext) -> Option<Transaction> {
    let mut progress = stage.remembered();
    if progress.bounds_applied == stage.target.bounds_generation {
        return None;
    }
    progress.bounds_applied = stage.target.bounds_generation;
    let mut transaction = Transaction::new();
    transaction.expect(stage.target);
    let (min, max) = (stage.target.min_capacity, stage.target.max_capacity);
    match scaling::bounded(stage.service.desired_count, min, max) {
        None => stage.remember(&mut transaction, &progress),
        Some((to, bound)) => {
            let cause = match bound {
                Bound::Minimum => format!("minimum capacity was set to {to}"),
                Bound::Maximum => format!("maximum capacity was set to {to}"),
            };
            let changing = Changing { to, cause };
            activity::change(stage, context, &mut transaction, progress, &changing);
        }
    }
    Some(transaction)
}

async fn commit(context: &LoopContext, transaction: Transaction) -> Result<Step, LoopError> {
    match context.state.commit(transaction).await {
        Ok(_) => Ok(Step::Done),
        Err(CommitError::Conflict { .. }) => {
            debug!("decided anew, since something changed meanwhile");
            Ok(Step::Idle(Some(context.clock.now().plus(CONFLICT_PAUSE))))
        }
        Err(error) => Err(LoopError::Commit(error)),
    }
}
