//! The store itself.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;

use stdx::clock::{SharedClock, Timestamp};
use tokio::sync::{Semaphore, oneshot};
use tracing::warn;

use super::error::{OpenError, PutError, ReadError};
use super::id::MetricId;
use super::manifest::Manifest;
use super::sample::{Sample, Unit};
use super::stat::Stat;
use super::state::State;
use super::writer::{Command, Put, Reply, Writer};
use super::{recovery, upkeep};
use crate::limits;

#[derive(Clone, Debug)]
pub struct Config {
    /// More are refused: a dimension with unlimited values would fill memory and disk.
    pub series_max: usize,
    /// A journal is sealed at this size.
    pub journal_bytes_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { series_max: limits::SERIES_MAX, journal_bytes_max: limits::METRIC_JOURNAL_BYTES_MAX }
    }
}

/// When a put returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When it is on disk: what somebody was promised.
    Synced,
    /// At once; it is on disk within a second. What is measured each second, and measured again.
    Soon,
}

/// The store of metrics. Clones share it; the last one dropped closes it.
#[derive(Clone, Debug)]
pub struct MetricStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    commands: Option<SyncSender<Command>>,
    /// Samples that may still be queued.
    room: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub dir: PathBuf,
    pub config: Config,
    pub clock: SharedClock,
    pub file_next: AtomicU64,
    /// Held while the list of files changes.
    pub manifest: Mutex<Manifest>,
    /// Held while segments are written.
    pub maintenance: Mutex<()>,
    state: RwLock<State>,
    _lock: File,
}

impl Shared {
    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn next_file(&self) -> u64 {
        self.file_next.fetch_add(1, Ordering::Relaxed)
    }
}

/// One statistic over periods of one length.
#[derive(Clone, Debug)]
pub struct PointQuery {
    pub id: MetricId,
    /// Periods begin here, and every `period_secs` after it: whoever wants round times aligns it.
    pub from: Timestamp,
    /// Exclusive.
    pub until: Timestamp,
    pub period_secs: u32,
    pub stat: Stat,
    /// Only what was put with this unit.
    pub unit: Option<Unit>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The beginning of its period.
    pub at: Timestamp,
    pub value: f64,
}

/// Which series to list. What is none isn't asked for.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    pub partition: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
    /// These dimensions, with this value or any; a series may have others as well.
    pub dimensions: Vec<(String, Option<String>)>,
    /// Only series with a data point since then.
    pub since: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetricInfo {
    pub id: MetricId,
    pub unit: Unit,
    /// The newest data point.
    pub newest: Timestamp,
}

impl MetricStore {
    /// Opens the store in `dir`, which it makes if needed and then owns alone.
    pub fn open(dir: &Path, config: Config, clock: SharedClock) -> Result<Self, OpenError> {
        std::fs::create_dir_all(dir).map_err(OpenError::at(dir))?;
        let lock = lock(dir)?;
        let loaded = recovery::load(dir, clock.now().as_secs())?;
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            config,
            clock,
            file_next: AtomicU64::new(loaded.file_next),
            manifest: Mutex::new(loaded.manifest),
            maintenance: Mutex::new(()),
            state: RwLock::new(loaded.state),
            _lock: lock,
        });
        let (sealer, seal_thread) = upkeep::start(Arc::clone(&shared)).map_err(OpenError::at(dir))?;
        let (commands, receiver) = sync_channel(limits::PUT_QUEUE_SAMPLES_MAX / limits::PUT_SAMPLES_MIN);
        let writer = Writer::new(Arc::clone(&shared), loaded.journal_len, sealer);
        let write_thread = std::thread::Builder::new()
            .name("metrics-writer".into())
            .spawn(move || writer.run(receiver))
            .map_err(OpenError::at(dir))?;
        let room = Arc::new(Semaphore::new(limits::PUT_QUEUE_SAMPLES_MAX));
        let threads = vec![write_thread, seal_thread];
        Ok(Self { inner: Arc::new(Inner { shared, commands: Some(commands), room, threads }) })
    }

    /// Adds samples: all of them or none. A put that is given up half-way may still happen.
    pub async fn put(&self, samples: Vec<Sample>, durability: Durability) -> Result<(), PutError> {
        self.send(samples.len(), |reply, permit| Command::Put(Put { samples, durability, reply, permit }))
            .await
    }

    /// Drops everything.
    pub async fn clear(&self) -> Result<(), PutError> {
        self.send(0, |reply, _| Command::Clear(reply)).await
    }

    /// Has what is only in the journal written into segments soon; [`MetricStore::upkeep`] does it at once.
    pub async fn roll(&self) -> Result<(), PutError> {
        self.send(0, |reply, _| Command::Roll(reply)).await
    }

    /// Seals what waits for it, moves what is old to coarser tiers, deletes what is older, and merges segments: what also happens
    /// in the background. Blocks on the disk.
    pub fn upkeep(&self) -> Result<(), ReadError> {
        self.inner.shared.upkeep()
    }

    async fn send(
        &self,
        samples: usize,
        command: impl FnOnce(Reply, tokio::sync::OwnedSemaphorePermit) -> Command,
    ) -> Result<(), PutError> {
        let room = samples.clamp(limits::PUT_SAMPLES_MIN, limits::PUT_QUEUE_SAMPLES_MAX);
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.inner.room).acquire_many_owned(room).await;
        let permit = permit.map_err(|_| PutError::Stopped)?;
        let (reply, answer) = oneshot::channel();
        let commands = self.inner.commands.as_ref().ok_or(PutError::Stopped)?;
        // Never full: whoever has room has a place in the queue.
        commands.try_send(command(reply, permit)).map_err(|_| PutError::Stopped)?;
        answer.await.unwrap_or(Err(PutError::Stopped))
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.inner.shared
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Without a sender the writer ends, and with it the sealer.
        self.commands = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                warn!("a thread of the metric store panicked");
            }
        }
    }
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lock");
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(OpenError::at(&path))?;
    // A process that was just killed, and a child between fork and exec, hold the lock for a moment longer.
    for _ in 0..limits::LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(limits::LOCK_TRY_WAIT),
            Err(TryLockError::Error(source)) => return Err(OpenError { path, source }),
        }
    }
    let source = io::Error::new(io::ErrorKind::ResourceBusy, "another process uses it");
    Err(OpenError { path: dir.to_owned(), source })
}
