//! A revisioned key-value store with etcd's semantics: get, range, compare-and-commit over several keys,
//! watch from a revision. Providers: memory (tests, simulation) and embedded (one machine); etcd fits the
//! same trait.
//!
//! **Invariant:** values are bytes; this crate knows no record, no account and no region.
#![forbid(unsafe_code)]

pub mod embedded;
pub mod limits;
pub mod memory;
pub mod store;
mod watchers;

pub use embedded::EmbeddedStore;
pub use store::{
    Change, CommitError, KeyValue, Precondition, Range, Revision, Store, StoreError, Transaction, Watch,
    WatchBatch, WatchError, Write,
};
