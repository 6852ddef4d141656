//! The provider without durability: for tests and the simulator.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use crate::store::{
    Change, CommitError, KeyValue, Precondition, Range, Revision, Store, StoreError, Transaction, Watch,
    WatchBatch, WatchError, Write,
};
use crate::watchers::Watchers;

#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    revision: Revision,
    entries: BTreeMap<Bytes, KeyValue>,
    watchers: Watchers,
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
        let found = self.entries.get(precondition.key()).map(|entry| entry.mod_revision);
        precondition.check(found)
    }

    fn apply(&mut self, writes: Vec<Write>) -> Revision {
        self.revision += 1;
        let revision = self.revision;
        let mut changes = Vec::with_capacity(writes.len());
        for write in writes {
            match write {
                Write::Put { key, value } => {
                    let create_revision =
                        self.entries.get(&key).map_or(revision, |entry| entry.create_revision);
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
        self.watchers.publish(WatchBatch { revision, changes: changes.into() });
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
        transaction.check_limits()?;
        let mut inner = self.lock();
        for precondition in &transaction.preconditions {
            inner.check(precondition)?;
        }
        let mut writes = transaction.writes;
        writes.retain(|write| write.is_effective(|key| inner.entries.contains_key(key)));
        Ok(if writes.is_empty() { inner.revision } else { inner.apply(writes) })
    }

    async fn watch(&self, after: Revision) -> Result<Watch, WatchError> {
        let mut inner = self.lock();
        let current = inner.revision;
        inner.watchers.subscribe(after, current)
    }
}
