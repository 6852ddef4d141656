//! Which tasks differ between two snapshots: for loops that follow each task, however many others there are.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use state_model::Record;
use state_tables::{Table, View};

use crate::limits::FULL_PASS_PERIOD;

/// What an activation leaves for the next one. Losing it costs a full pass.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    former: Option<Arc<View>>,
    full_pass_at: Option<Duration>,
}

impl Memory {
    /// The keys of tasks that have changed since the last call of [`Memory::settle`]; now and then of all.
    pub fn changed(&self, view: &View, monotonic: Duration) -> BTreeSet<String> {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = |at: Duration| monotonic.saturating_sub(at) >= FULL_PASS_PERIOD;
        match remembered.former.as_deref() {
            Some(former) if !remembered.full_pass_at.is_none_or(is_due) => between(former, view),
            _ => {
                remembered.full_pass_at = Some(monotonic);
                // Until it is worked through, everything stays to be done.
                remembered.former = None;
                view.task_intents.iter().map(|(key, _)| key.to_owned()).collect()
            }
        }
    }

    pub fn settle(&self, view: Arc<View>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).former = Some(view);
    }
}

fn between(former: &View, view: &View) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    add(&mut keys, &view.task_intents, &former.task_intents);
    add(&mut keys, &view.task_placements, &former.task_placements);
    add(&mut keys, &view.task_observations, &former.task_observations);
    keys
}

fn add<R: Record>(keys: &mut BTreeSet<String>, after: &Table<R>, before: &Table<R>) {
    keys.extend(after.changed_since(before).map(|changed| changed.key.to_owned()));
}
