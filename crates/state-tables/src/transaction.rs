//! A transaction of typed records.

use bytes::Bytes;
use state_model::record::{self, Record};
use state_store::{Precondition, Write};

use crate::table::Row;

/// Collects preconditions and writes; [`crate::State::commit`] applies them whole or not at all.
#[derive(Debug, Default)]
pub struct Transaction {
    pub(crate) inner: state_store::Transaction,
}

/// A record that any owner of its table may write. The column groups of a task are not: they have one writer each, and
/// [`crate::task_columns`] holds their write functions.
pub trait FreelyWritten: Record {}

impl Transaction {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn is_empty(&self) -> bool {
        self.inner.writes.is_empty() && self.inner.preconditions.is_empty()
    }

    /// Number of writes so far: callers split work that would exceed the store's limit.
    pub fn write_count(&self) -> usize {
        self.inner.writes.len()
    }

    /// Writes a new record; the commit conflicts when its key exists.
    pub fn insert<R: FreelyWritten>(&mut self, record: &R) {
        self.insert_record(record);
    }

    /// Replaces the record that was read as `row`; the commit conflicts when it has changed since.
    pub fn update<R: FreelyWritten>(&mut self, row: &Row<R>, record: &R) {
        self.update_record(row, record);
    }

    /// Writes whatever is there now. For records with a single writer only.
    pub fn put<R: FreelyWritten>(&mut self, record: &R) {
        self.put_record(record);
    }

    /// Deletes the record that was read as `row`; the commit conflicts when it has changed since.
    pub fn delete<R: Record>(&mut self, row: &Row<R>) {
        self.expect(row);
        self.inner.writes.push(Write::Delete { key: stored_key::<R>(&row.key()) });
    }

    /// The decision depends on `row`: conflict when it has changed since.
    pub fn expect<R: Record>(&mut self, row: &Row<R>) {
        let key = stored_key::<R>(&row.key());
        let mod_revision = row.revision;
        self.inner.preconditions.push(Precondition::Unchanged { key, mod_revision });
    }

    /// The decision depends on `key` being free.
    pub fn expect_absent<R: Record>(&mut self, key: &str) {
        self.inner.preconditions.push(Precondition::Absent { key: stored_key::<R>(key) });
    }

    /// The decision depends on `key` being there, whatever it holds.
    pub fn expect_present<R: Record>(&mut self, key: &str) {
        self.inner.preconditions.push(Precondition::Present { key: stored_key::<R>(key) });
    }

    pub(crate) fn insert_record<R: Record>(&mut self, record: &R) {
        let key = stored_key::<R>(&record.key());
        self.inner.preconditions.push(Precondition::Absent { key: key.clone() });
        self.inner.writes.push(Write::Put { key, value: record::encode(record).into() });
    }

    pub(crate) fn update_record<R: Record>(&mut self, row: &Row<R>, record: &R) {
        let key = stored_key::<R>(&record.key());
        assert_eq!(row.key(), record.key(), "an update keeps the key");
        self.inner
            .preconditions
            .push(Precondition::Unchanged { key: key.clone(), mod_revision: row.revision });
        self.inner.writes.push(Write::Put { key, value: record::encode(record).into() });
    }

    pub(crate) fn put_record<R: Record>(&mut self, record: &R) {
        let key = stored_key::<R>(&record.key());
        self.inner.writes.push(Write::Put { key, value: record::encode(record).into() });
    }
}

fn stored_key<R: Record>(key: &str) -> Bytes {
    Bytes::from(format!("{}/{key}", R::TABLE))
}
