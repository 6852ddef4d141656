//! The provider without durability: for tests and the simulator.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::store::{
    Change, CommitError, KeyValue, Precondition, Range, Revision, Store, StoreError, Transaction, Watch,
    WatchBatch, WatchError, Write,
};

/// Batches kept for late watchers. Too few: a watcher that starts between range and watch must read again.
const HISTORY_BATCHES_MAX: usize = 16_384;
/// Batches a watcher may lag behind before it is cut off.
const WATCH_QUEUE_MAX: usize = 65_536;

#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    revision: Revision,
    entries: BTreeMap<Bytes, KeyValue>,
    history: VecDeque<WatchBatch>,
    watchers: Vec<mpsc::Sender<Result<WatchBatch, WatchError>>>,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn check(&self, precondition: &Precondition) -> Result<(), CommitError> {
        let (key, holds) = match precondition {
            Precondition::Absent { key } => (key, !self.entries.contains_key(key)),
            Precondition::Present { key } => (key, self.entries.contains_key(key)),
            Precondition::Unchanged { key, mod_revision } => {
                (key, self.entries.get(key).is_some_and(|entry| entry.mod_revision == *mod_revision))
            }
        };
        if holds { Ok(()) } else { Err(CommitError::Conflict { key: key.clone() }) }
    }

    fn apply(&mut self, writes: Vec<Write>) -> Revision {
        self.revision += 1;
        let revision = self.revision;
        let mut changes = Vec::with_capacity(writes.len());
        for write in writes {
            match write {
                Write::Put { key, value } => {
                    let create_revision = self.entries.get(&key).map_or(revision, |entry| entry.create_revision);
                    changes.push(Change { key: key.clone(), value: Some(value.clone()) });
                    let entry = KeyValue { key: key.clone(), value, create_revision, mod_revision: revision };
                    self.entries.insert(key, entry);
                }
                Write::Delete { key } => {
                    if self.entries.remove(&key).is_some() {
                        changes.push(Change { key, value: None });
                    }
                }
            }
        }
        let batch = WatchBatch { revision, changes: changes.into() };
        self.watchers.retain(|watcher| watcher.try_send(Ok(batch.clone())).is_ok());
        self.history.push_back(batch);
        if self.history.len() > HISTORY_BATCHES_MAX {
            self.history.pop_front();
        }
        revision
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &[u8]) -> Result<Option<KeyValue>, StoreError> {
        Ok(self.lock().entries.get(key).cloned())
    }

    async fn range(&self, prefix: &[u8]) -> Result<Range, StoreError> {
        let inner = self.lock();
        let entries = inner
            .entries
            .range(Bytes::copy_from_slice(prefix)..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(_, entry)| entry.clone())
            .collect();
        Ok(Range { revision: inner.revision, entries })
    }

    async fn commit(&self, transaction: Transaction) -> Result<Revision, CommitError> {
        let mut inner = self.lock();
        for precondition in &transaction.preconditions {
            inner.check(precondition)?;
        }
        if transaction.writes.is_empty() {
            return Ok(inner.revision);
        }
        Ok(inner.apply(transaction.writes))
    }

    async fn watch(&self, after: Revision) -> Result<Watch, WatchError> {
        let mut inner = self.lock();
        let oldest = inner.history.front().map_or(inner.revision + 1, |batch| batch.revision);
        if after + 1 < oldest {
            return Err(WatchError::Compacted { requested: after, oldest });
        }
        let (sender, batches) = mpsc::channel(WATCH_QUEUE_MAX);
        for batch in inner.history.iter().filter(|batch| batch.revision > after) {
            // The queue is longer than the history, so this can't fail.
            let _ = sender.try_send(Ok(batch.clone()));
        }
        inner.watchers.push(sender);
        Ok(Watch { batches })
    }
}
