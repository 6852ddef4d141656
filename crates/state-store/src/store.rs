//! The contract every provider keeps; `tests/it` runs one suite against each of them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::limits::{KEY_BYTES_MAX, TRANSACTION_BYTES_MAX, TRANSACTION_OPERATIONS_MAX};

/// Counts the transactions that changed something. The first one of an empty store has revision 1; a revision
/// is never given twice.
pub type Revision = u64;

/// One key with its value and the revisions that made it, as etcd reports them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    pub key: Bytes,
    pub value: Bytes,
    /// The commit that last created this key.
    pub create_revision: Revision,
    /// The commit that last wrote this key.
    pub mod_revision: Revision,
}

/// What must hold for a transaction to be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The key doesn't exist.
    Absent { key: Bytes },
    /// The key exists and was last written by exactly this revision.
    Unchanged { key: Bytes, mod_revision: Revision },
    /// The key exists, whatever it holds.
    Present { key: Bytes },
}

impl Precondition {
    pub fn key(&self) -> &Bytes {
        match self {
            Precondition::Absent { key }
            | Precondition::Unchanged { key, .. }
            | Precondition::Present { key } => key,
        }
    }

    /// `found` is the revision that last wrote the key, if it exists.
    pub(crate) fn check(&self, found: Option<Revision>) -> Result<(), CommitError> {
        let holds = match self {
            Precondition::Absent { .. } => found.is_none(),
            Precondition::Present { .. } => found.is_some(),
            Precondition::Unchanged { mod_revision, .. } => found == Some(*mod_revision),
        };
        if holds { Ok(()) } else { Err(CommitError::Conflict { key: self.key().clone() }) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    Put {
        key: Bytes,
        value: Bytes,
    },
    /// Deleting an absent key is no error.
    Delete {
        key: Bytes,
    },
}

impl Write {
    pub fn key(&self) -> &Bytes {
        match self {
            Write::Put { key, .. } | Write::Delete { key } => key,
        }
    }

    /// Deleting what isn't there changes nothing, and makes no revision.
    pub(crate) fn is_effective(&self, exists: impl FnOnce(&[u8]) -> bool) -> bool {
        match self {
            Write::Put { .. } => true,
            Write::Delete { key } => exists(key),
        }
    }

    fn value_bytes(&self) -> usize {
        match self {
            Write::Put { value, .. } => value.len(),
            Write::Delete { .. } => 0,
        }
    }
}

/// Applied whole or not at all. A key may be written at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    pub preconditions: Vec<Precondition>,
    pub writes: Vec<Write>,
}

impl Transaction {
    /// The limits that every provider keeps, so that what one accepts all accept.
    pub(crate) fn check_limits(&self) -> Result<(), CommitError> {
        let refuse = |reason: String| Err(CommitError::Refused { reason });
        let operations = self.preconditions.len().max(self.writes.len());
        if operations > TRANSACTION_OPERATIONS_MAX {
            let text = format!("{operations} operations, at most {TRANSACTION_OPERATIONS_MAX} are taken");
            return refuse(text);
        }
        let keys = self.preconditions.iter().map(Precondition::key).chain(self.writes.iter().map(Write::key));
        let mut bytes = 0;
        for key in keys {
            if key.is_empty() || key.len() > KEY_BYTES_MAX {
                return refuse(format!("a key of {} bytes, 1 to {KEY_BYTES_MAX} are taken", key.len()));
            }
            bytes += key.len();
        }
        bytes += self.writes.iter().map(Write::value_bytes).sum::<usize>();
        if bytes > TRANSACTION_BYTES_MAX {
            return refuse(format!("{bytes} bytes, at most {TRANSACTION_BYTES_MAX} are taken"));
        }
        let mut written: Vec<&Bytes> = self.writes.iter().map(Write::key).collect();
        written.sort_unstable();
        match written.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => refuse(format!("key {} is written twice", String::from_utf8_lossy(pair[0]))),
            None => Ok(()),
        }
    }
}

/// All keys below `prefix` at one revision, in byte order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    pub revision: Revision,
    pub entries: Vec<KeyValue>,
}

/// One key of a commit: `value` is `None` when it was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

/// All changes of one commit: a watcher never sees half of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchBatch {
    pub revision: Revision,
    pub changes: Arc<[Change]>,
}

/// Ordered, gapless batches from the requested revision on.
#[derive(Debug)]
pub struct Watch {
    pub batches: mpsc::Receiver<Result<WatchBatch, WatchError>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// The revision asked for is older than what the provider keeps: read a range again and watch from its
    /// revision.
    #[error("revision {requested} is compacted; the oldest kept is {oldest}")]
    Compacted { requested: Revision, oldest: Revision },
    /// The watcher read too slowly; it must start again from a range.
    #[error("the watcher fell behind by more than its queue holds")]
    Lagged,
}

#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A precondition did not hold; nothing was written. Read again and decide again.
    #[error("a precondition on key {} does not hold", String::from_utf8_lossy(key))]
    Conflict { key: Bytes },
    /// The transaction itself is not acceptable: over a limit, or one key written twice.
    #[error("transaction refused: {reason}")]
    Refused { reason: String },
    /// The store can't make anything durable now (for example: disk full). Nothing of this transaction will
    /// appear.
    #[error("the store can't write")]
    Unavailable(#[source] StoreError),
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{action} failed in the state store")]
    Io {
        action: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the state store is closed")]
    Closed,
}

/// See the crate's documentation. Every method may be called from any task at once.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug + 'static {
    async fn get(&self, key: &[u8]) -> Result<Option<KeyValue>, StoreError>;

    async fn range(&self, prefix: &[u8]) -> Result<Range, StoreError>;

    /// Returns when the transaction is durable. A transaction that writes nothing, or only deletes what isn't
    /// there, checks its preconditions and returns the current revision.
    async fn commit(&self, transaction: Transaction) -> Result<Revision, CommitError>;

    /// Batches with `revision > after`. All keys: consumers filter.
    async fn watch(&self, after: Revision) -> Result<Watch, WatchError>;
}
