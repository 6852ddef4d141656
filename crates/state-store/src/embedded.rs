//! The provider of one machine: an append-only log, with the place of every live value in memory.
//!
//! One thread writes. It takes all transactions that wait, checks their preconditions, appends them with one
//! write and one sync, and only then shows them to readers and watchers and answers their callers. A failed
//! write is cut off the log again, so that a full disk refuses transactions and nothing else: reading goes
//! on, and so does writing when there is space. `docs/decisions/002-embedded-store.md` says why this is not
//! an existing engine.
//!
//! A directory holds `lock`, at most one `snapshot-N` (every live entry when it was made) and the logs that
//! follow it.

mod compaction;
mod frame;
mod index;
mod open;
mod segment;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;

use async_trait::async_trait;
use stdx_async::supervisor;
use tokio::sync::{mpsc, oneshot};

use crate::limits::COMMIT_QUEUE_MAX;
use crate::store::{
    CommitError, KeyValue, Range, Revision, Store, StoreError, Transaction, Watch, WatchError,
};
use crate::watchers::Watchers;
use index::Index;

pub use open::holder;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{} is in use by process {pid}", directory.display())]
    Locked { directory: PathBuf, pid: String },
    #[error("{action} {} failed", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Not the end of the newest log, which a crash may tear, but something that was whole before.
    #[error("{} is damaged at byte {offset}: {reason}", path.display())]
    Damaged { path: PathBuf, offset: u64, reason: &'static str },
    #[error("the writer of the state store can't be started")]
    Thread(#[source] io::Error),
}

impl OpenError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| OpenError::Io { action, path, source }
    }
}

/// Dropping it waits for the commits that were begun.
#[derive(Debug)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    requests: Option<mpsc::Sender<writer::Request>>,
    writer: Option<JoinHandle<()>>,
    /// Held as long as the store is open; the kernel releases it with the process.
    lock: std::fs::File,
}

#[derive(Debug)]
struct Shared {
    inner: RwLock<Inner>,
}

#[derive(Debug)]
struct Inner {
    revision: Revision,
    index: Index,
    watchers: Watchers,
}

impl Shared {
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EmbeddedStore {
    /// Opens the store of `directory`, which is made when it doesn't exist. Blocks while the log is read.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let lock = open::lock(directory)?;
        let loaded = open::load(directory)?;
        let inner = Inner { revision: loaded.revision, index: loaded.index, watchers: Watchers::default() };
        let shared = Arc::new(Shared { inner: RwLock::new(inner) });
        let (requests, waiting) = mpsc::channel(COMMIT_QUEUE_MAX);
        let writer = writer::Writer::new(Arc::clone(&shared), directory.to_path_buf(), loaded.log);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run(waiting))
            .map_err(OpenError::Thread)?;
        Ok(Self { shared, requests: Some(requests), writer: Some(thread), lock })
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(writer) = self.writer.take() {
            // A panic of the writer was told when it happened; every later commit was refused.
            let _ = writer.join();
        }
        // Closing alone would leave it to a child that was forked this moment and hasn't begun its own
        // program yet.
        let _ = self.lock.unlock();
    }
}

fn reading(source: io::Error) -> StoreError {
    StoreError::Io { action: "reading a value", source: Box::new(source) }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn get(&self, key: &[u8]) -> Result<Option<KeyValue>, StoreError> {
        let Some(stored) = self.shared.read().index.get(key) else { return Ok(None) };
        supervisor::blocking(move || stored.read()).await.map(Some).map_err(reading)
    }

    async fn range(&self, prefix: &[u8]) -> Result<Range, StoreError> {
        let (revision, stored) = {
            let inner = self.shared.read();
            (inner.revision, inner.index.below(prefix))
        };
        let read = move || stored.iter().map(index::Stored::read).collect::<io::Result<_>>();
        let entries = supervisor::blocking(read).await.map_err(reading)?;
        Ok(Range { revision, entries })
    }

    async fn commit(&self, transaction: Transaction) -> Result<Revision, CommitError> {
        transaction.check_limits()?;
        let closed = || CommitError::Unavailable(StoreError::Closed);
        let (answer, outcome) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or_else(closed)?;
        requests.send(writer::Request { transaction, answer }).await.map_err(|_| closed())?;
        outcome.await.map_err(|_| closed())?
    }

    async fn watch(&self, after: Revision) -> Result<Watch, WatchError> {
        let mut inner = self.shared.write();
        let current = inner.revision;
        inner.watchers.subscribe(after, current)
    }
}
