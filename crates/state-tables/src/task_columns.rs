//! The write functions of a task's column groups: one writer each.
//!
//! | column group | its only writer |
//! |---|---|
//! | `intent` | `api-compute`; the services loop at creation and for a stop; placement for a Spot interruption |
//! | `placement` | the placement loop |
//! | `observed` | dispatch, from the report of the assigned agent |

use state_model::ecs::task::{TaskIntent, TaskObservation, TaskPlacement};

use crate::table::Row;
use crate::tables::View;
use crate::transaction::Transaction;

/// For `api-compute`: a new task.
pub fn create_intent(transaction: &mut Transaction, intent: &TaskIntent) {
    transaction.insert_record(intent);
}

/// For `api-compute`: a stop request, tags, protection.
pub fn update_intent(transaction: &mut Transaction, row: &Row<TaskIntent>, intent: &TaskIntent) {
    assert_eq!(row.created_at, intent.created_at, "a task is created once");
    assert!(row.stop.is_none() || intent.stop.is_some(), "a stop request is never taken back");
    transaction.update_record(row, intent);
}

/// For the placement loop: once per task, never changed, since a task doesn't move.
pub fn create_placement(transaction: &mut Transaction, placement: &TaskPlacement) {
    transaction.insert_record(placement);
}

/// For dispatch: the newest observation of the current generation. Phases only move forward.
pub fn write_observation(
    transaction: &mut Transaction,
    former: Option<&Row<TaskObservation>>,
    observation: &TaskObservation,
) {
    match former {
        None => transaction.insert_record(observation),
        Some(row) => {
            assert!(row.phase <= observation.phase, "a task's phase only moves forward");
            transaction.update_record(row, observation);
        }
    }
}

/// Whether everything that follows from the task's end is written down: its usage, and the event of its last change. Only
/// then may it go.
pub fn is_settled(view: &View, key: &str) -> bool {
    let Some(task) = view.task(key) else { return true };
    let is_metered = view.task_meters.get(key).is_some_and(|meter| meter.is_final);
    is_metered && view.task_told.get(key).is_some_and(|told| told.version >= task.version())
}

/// For garbage collection: everything of a task that stopped long ago.
pub fn delete_task(
    transaction: &mut Transaction,
    intent: &Row<TaskIntent>,
    placement: Option<&Row<TaskPlacement>>,
    observation: Option<&Row<TaskObservation>>,
) {
    transaction.delete(intent);
    if let Some(placement) = placement {
        transaction.delete(placement);
    }
    if let Some(observation) = observation {
        transaction.delete(observation);
    }
}
