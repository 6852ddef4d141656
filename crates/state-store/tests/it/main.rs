//! One suite for every provider, and what only the embedded one promises: durability.

mod crash;
mod damage;
mod disk_full;
mod suite;

use std::path::Path;

use bytes::Bytes;
use state_store::{CommitError, EmbeddedStore, Precondition, Revision, Store, Transaction, Write};

fn open(directory: &Path) -> EmbeddedStore {
    EmbeddedStore::open(directory).expect("the store opens")
}

fn put(key: &str, value: impl Into<Bytes>) -> Write {
    Write::Put { key: Bytes::copy_from_slice(key.as_bytes()), value: value.into() }
}

fn delete(key: &str) -> Write {
    Write::Delete { key: Bytes::copy_from_slice(key.as_bytes()) }
}

fn absent(key: &str) -> Precondition {
    Precondition::Absent { key: Bytes::copy_from_slice(key.as_bytes()) }
}

fn present(key: &str) -> Precondition {
    Precondition::Present { key: Bytes::copy_from_slice(key.as_bytes()) }
}

fn unchanged(key: &str, mod_revision: Revision) -> Precondition {
    Precondition::Unchanged { key: Bytes::copy_from_slice(key.as_bytes()), mod_revision }
}

async fn commit(
    store: &dyn Store,
    preconditions: Vec<Precondition>,
    writes: Vec<Write>,
) -> Result<Revision, CommitError> {
    store.commit(Transaction { preconditions, writes }).await
}

async fn written(store: &dyn Store, writes: Vec<Write>) -> Revision {
    commit(store, Vec::new(), writes).await.expect("the commit is accepted")
}

/// `key=value@create.mod` of everything below `prefix`.
async fn dump(store: &dyn Store, prefix: &str) -> Vec<String> {
    let range = store.range(prefix.as_bytes()).await.expect("the store can be read");
    let line = |entry: state_store::KeyValue| {
        let key = String::from_utf8_lossy(&entry.key).into_owned();
        let value = String::from_utf8_lossy(&entry.value).into_owned();
        format!("{key}={value}@{}.{}", entry.create_revision, entry.mod_revision)
    };
    range.entries.into_iter().map(line).collect()
}
