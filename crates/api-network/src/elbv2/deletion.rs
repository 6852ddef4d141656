//! Deleting what has many parts, by several commits when one can't take them all. What belongs to something goes before
//! it: an interruption leaves the whole smaller, never a part without its whole.

use state_model::Record;
use state_tables::{Row, Transaction, View};
use wire_schema::ServiceError;

use super::Context;
use super::limits::{CHANGES_PER_COMMIT, COMMITS_PER_DELETION_MAX};

/// The parts that one commit deletes.
#[derive(Debug)]
pub struct Batch<'t> {
    transaction: &'t mut Transaction,
    is_full: bool,
}

impl Batch<'_> {
    pub fn delete<R: Record>(&mut self, row: &Row<R>) {
        if self.transaction.write_count() >= CHANGES_PER_COMMIT {
            self.is_full = true;
        } else {
            self.transaction.delete(row);
        }
    }

    pub fn delete_all<'v, R: Record>(&mut self, rows: impl Iterator<Item = &'v Row<R>>) {
        for row in rows {
            if self.is_full {
                return;
            }
            self.delete(row);
        }
    }
}

/// Commits what `decide` puts into the batch, again until nothing is left out. The parts come first, the whole last.
pub async fn delete(
    context: &Context,
    decide: impl Fn(&View, &mut Batch<'_>) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    for _ in 0..COMMITS_PER_DELETION_MAX {
        let is_full = context
            .transact(|view, transaction| {
                let mut batch = Batch { transaction, is_full: false };
                decide(view, &mut batch)?;
                Ok(batch.is_full)
            })
            .await?;
        if !is_full {
            return Ok(());
        }
    }
    Err(ServiceError::caller("PriorRequestNotComplete", "Others change the resource. Try again.")
        .with_status(429))
}
