//! The events loop: takes what waits in order, and writes what follows from it in the transaction that takes it out. So an event
//! that was acknowledged is told exactly as often as its rules say, whatever is killed when.
//!
//! Archives alone lie in another store. They are written first: an event may then lie there twice, and whoever reads them leaves out
//! the second.

pub mod ages;
pub mod replays;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use control_plan::events::{BusRules, Outcome, Room, bus_rules, envelope, plan};
use state_model::Scope;
use state_model::events::PendingEvent;
use state_store::CommitError;
use state_tables::{Row, View};
use state_telemetry::logs::{Append, Batch, LogStore};

use crate::LoopContext;
use crate::driver::{Activation, LoopError};
use crate::limits::{
    DELIVERIES_MAX, EVENT_BYTES_PER_COMMIT_MAX, EVENT_WRITES_PER_COMMIT_MAX, EVENTS_PER_COMMIT_MAX,
};

type BusKey = (Scope, String);

/// The rules of every bus that had an event, compiled.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Compiled>>);

#[derive(Debug, Default)]
struct Compiled {
    /// As of which the rest holds.
    view: Arc<View>,
    buses: HashMap<BusKey, Arc<BusRules>>,
}

impl Memory {
    fn rules_of(&self, view: &Arc<View>, event: &PendingEvent) -> Arc<BusRules> {
        let mut compiled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if compiled.view.revision != view.revision {
            let before = Arc::clone(&compiled.view);
            let changed = view.event_rules.changed_since(&before.event_rules);
            for rule in changed.filter_map(|change| change.newest()) {
                compiled.buses.remove(&(rule.scope.clone(), rule.bus.clone()));
            }
            compiled.view = Arc::clone(view);
        }
        let key = (event.scope.clone(), event.bus.clone());
        let rules = compiled.buses.entry(key);
        Arc::clone(rules.or_insert_with(|| Arc::new(bus_rules(view, &event.scope, &event.bus))))
    }
}

/// One decision: the event and what it brings about.
type Decided = (Row<PendingEvent>, Outcome);

pub async fn activate(
    context: LoopContext,
    memory: Memory,
    archives: LogStore,
) -> Result<Activation, LoopError> {
    let view = context.state.view();
    if view.pending_events.is_empty() || view.deliveries.len() >= DELIVERIES_MAX {
        // A change of either wakes it.
        return Ok(Activation::Idle(None));
    }
    let decided = decide(&context, &memory, &view);
    if !archive(&archives, &decided).await {
        return Ok(Activation::Idle(Some(context.clock.now().plus(crate::limits::FAILURE_PAUSE))));
    }
    let mut transaction = state_tables::Transaction::new();
    for (row, outcome) in &decided {
        outcome.deliveries.iter().for_each(|delivery| transaction.insert(delivery));
        outcome.forwarded.iter().for_each(|event| transaction.insert(event));
        outcome.streams.iter().for_each(|stream| transaction.insert(stream));
        match &outcome.told {
            None => transaction.delete(row),
            told => {
                let waiting = PendingEvent { told: told.clone(), ..PendingEvent::clone(row) };
                transaction.update(row, &waiting);
            }
        }
    }
    match context.state.commit(transaction).await {
        // Somebody made a log stream meanwhile: decided anew from what is now.
        Ok(_) | Err(CommitError::Conflict { .. }) => Ok(Activation::Again),
        Err(error) => Err(LoopError::Commit(error)),
    }
}

fn decide(context: &LoopContext, memory: &Memory, view: &Arc<View>) -> Vec<Decided> {
    let mut decided: Vec<Decided> = Vec::new();
    let mut room = Room { writes: EVENT_WRITES_PER_COMMIT_MAX, bytes: EVENT_BYTES_PER_COMMIT_MAX };
    let now = context.clock.now();
    for (_, row) in view.pending_events.iter().take(EVENTS_PER_COMMIT_MAX) {
        let rules = memory.rules_of(view, row);
        // The event's own row costs a write as well.
        let left = Room { writes: room.writes.saturating_sub(1), ..room };
        let mut outcome = plan(view, &rules, row, left, now, &*context.random);
        let is_started = outcome.writes() > 0 || outcome.told.is_none();
        if !is_started {
            break;
        }
        // One stream that two events are the first to need.
        let known = |stream: &_| decided.iter().any(|(_, before)| before.streams.contains(stream));
        outcome.streams.retain(|stream| !known(stream));
        room.writes = room.writes.saturating_sub(outcome.writes() + 1);
        room.bytes = room.bytes.saturating_sub(outcome.bytes);
        let is_whole = outcome.told.is_none();
        decided.push((row.clone(), outcome));
        if !is_whole || room.writes <= 1 {
            break;
        }
    }
    decided
}

/// Whether everything that archives keep of these events is there.
async fn archive(archives: &LogStore, decided: &[Decided]) -> bool {
    let mut batches: HashMap<&str, Batch> = HashMap::new();
    for (row, outcome) in decided {
        for stream in &outcome.archives {
            let text = envelope(row).to_string();
            // An event is smaller than what the store takes.
            let _ = batches.entry(stream).or_default().push(row.time.as_millis(), text.as_bytes());
        }
    }
    if batches.is_empty() {
        return true;
    }
    let batches = batches.into_iter().map(|(stream, batch)| (stream.to_owned(), batch));
    match archives.append(Append { sources: Vec::new(), batches: batches.collect() }).await {
        Ok(_) => true,
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "events could not be archived; they wait");
            false
        }
    }
}
