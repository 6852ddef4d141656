//! Opening the store, and appending to it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;

use stdx::clock::{SharedClock, Timestamp};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tracing::warn;

use super::batch::Batch;
use super::error::{AppendError, OpenError};
use super::manifest::Manifest;
use super::segment::Segment;
use super::state::{JournalView, State};
use super::tail::Tails;
use super::writer::{Command, Control, PreparedAppend, Writer};
use super::{journal, retention};
use crate::limits;

#[derive(Clone, Debug)]
pub struct Config {
    pub journal_bytes_max: u64,
    pub journal_blocks_max: usize,
    pub page_scan_bytes_max: u64,
    pub scan_threads: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            journal_bytes_max: limits::JOURNAL_BYTES_MAX,
            journal_blocks_max: limits::JOURNAL_BLOCKS_MAX,
            page_scan_bytes_max: limits::PAGE_SCAN_BYTES_MAX,
            scan_threads: limits::SCAN_THREADS,
        }
    }
}

/// How far a spool was read: everything before it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourcePosition {
    pub segment: u64,
    pub offset: u64,
}

/// What one append stores, all of it or nothing.
#[derive(Debug, Default)]
pub struct Append {
    /// What the events come from, and how far each is read with them. When all were read that far before, the
    /// append is a repetition and stores nothing.
    pub sources: Vec<(String, SourcePosition)>,
    pub batches: Vec<(String, Batch)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    pub ingestion: Timestamp,
    /// The sources were already read that far: nothing was stored a second time.
    pub is_duplicate: bool,
}

/// The store of log events. Clones share it; the last one dropped closes it.
#[derive(Clone, Debug)]
pub struct LogStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    commands: Option<mpsc::Sender<Command>>,
    /// Kibibytes that may still be queued.
    room: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub dir: PathBuf,
    pub config: Config,
    pub clock: SharedClock,
    pub file_next: AtomicU64,
    pub tails: Tails,
    /// Held while the manifest is replaced.
    pub manifest: Mutex<()>,
    /// Held while segments are rewritten.
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

impl LogStore {
    /// Opens the store in `dir`, which it makes if needed and then owns alone.
    pub fn open(dir: &Path, config: Config, clock: SharedClock) -> Result<Self, OpenError> {
        std::fs::create_dir_all(dir).map_err(OpenError::at(dir))?;
        let lock = lock(dir)?;
        let (state, file_next, journal_len) = load(dir)?;
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            config,
            clock,
            file_next: AtomicU64::new(file_next),
            tails: Tails::default(),
            manifest: Mutex::new(()),
            maintenance: Mutex::new(()),
            state: RwLock::new(state),
            _lock: lock,
        });
        let (sealer, seal_thread) =
            retention::start_sealer(Arc::clone(&shared)).map_err(OpenError::at(dir))?;
        let (commands, receiver) = mpsc::channel(limits::APPEND_QUEUE_LENGTH_MAX);
        let writer = Writer::new(Arc::clone(&shared), journal_len, sealer);
        let write_thread = std::thread::Builder::new()
            .name("logs-writer".into())
            .spawn(move || writer.run(receiver))
            .map_err(OpenError::at(dir))?;
        let room = Arc::new(Semaphore::new(limits::APPEND_QUEUE_BYTES_MAX / 1024));
        let threads = vec![write_thread, seal_thread];
        Ok(Self { inner: Arc::new(Inner { shared, commands: Some(commands), room, threads }) })
    }

    /// Stores events; they are durable when this returns. An append that is given up half-way may still
    /// happen.
    pub async fn append(&self, append: Append) -> Result<Ack, AppendError> {
        let keys = append.batches.iter().map(|(key, _)| key).chain(append.sources.iter().map(|(key, _)| key));
        if let Some(length) = keys.map(String::len).find(|length| *length > limits::KEY_BYTES_MAX) {
            return Err(AppendError::KeyTooLong { length });
        }
        let bytes: usize = append.batches.iter().map(|(_, batch)| batch.bytes() + 16 * batch.len()).sum();
        if bytes > limits::APPEND_QUEUE_BYTES_MAX {
            return Err(AppendError::TooLarge { bytes });
        }
        let kibibytes = u32::try_from(bytes / 1024).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.inner.room).acquire_many_owned(kibibytes).await;
        let permit = permit.map_err(|_| AppendError::Stopped)?;
        let (reply, answer) = oneshot::channel();
        let parts = append.batches.into_iter().map(|(key, batch)| (key.into(), batch.encode()));
        let prepared = PreparedAppend {
            sources: append.sources.into_iter().map(|(key, position)| (key.into(), position)).collect(),
            parts: parts.collect(),
            bytes,
            _permit: permit,
            reply,
        };
        self.send(Command::Append(prepared)).await?;
        answer.await.unwrap_or(Err(AppendError::Stopped))
    }

    /// How far `source` was read: where to go on after a crash.
    pub fn last_position(&self, source: &str) -> Option<SourcePosition> {
        self.shared().read().sources.get(source)?.position
    }

    /// Forgets a spool that won't come back.
    pub async fn forget_source(&self, source: &str) -> Result<(), AppendError> {
        let number = self.shared().read().sources.get(source).map(|source| source.number);
        match number {
            Some(number) => self.control(vec![Control::ForgetSource { number }]).await,
            None => Ok(()),
        }
    }

    pub(super) async fn control(&self, controls: Vec<Control>) -> Result<(), AppendError> {
        if controls.is_empty() {
            return Ok(());
        }
        let (reply, answer) = oneshot::channel();
        self.send(Command::Control { controls, reply }).await?;
        answer.await.unwrap_or(Err(AppendError::Stopped))
    }

    async fn send(&self, command: Command) -> Result<(), AppendError> {
        let commands = self.inner.commands.as_ref().ok_or(AppendError::Stopped)?;
        commands.send(command).await.map_err(|_| AppendError::Stopped)
    }

    /// Asks for a fresh journal, so that what is expired in this one goes away.
    pub(super) fn ask_to_roll(&self) {
        if let Some(commands) = &self.inner.commands {
            // A full queue means that the journal fills up anyway.
            let _ = commands.try_send(Command::Roll);
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Without a sender the writer ends, and with it the sealer.
        self.commands = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                warn!("a thread of the log store panicked");
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
            Err(TryLockError::Error(source)) => return Err(OpenError::Io { path, source }),
        }
    }
    Err(OpenError::InUse { dir: dir.to_owned() })
}

/// The state on disk, the next free file number, and the length of the journal to go on with.
fn load(dir: &Path) -> Result<(State, u64, u64), OpenError> {
    let mut state = State::default();
    let manifest = Manifest::read(dir)?;
    let (journal_first, segments) = manifest.as_ref().map_or((1, &[][..]), |known| {
        known.restore(&mut state);
        (known.journal_first, known.segments.as_slice())
    });
    for number in segments {
        state.segments.push(Arc::new(Segment::open(dir, *number)?));
    }
    let mut journals = Vec::new();
    let mut number_max = segments.iter().copied().max().unwrap_or(0).max(journal_first.saturating_sub(1));
    for entry in std::fs::read_dir(dir).map_err(OpenError::at(dir))? {
        let path = entry.map_err(OpenError::at(dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number_of = |prefix| name.strip_prefix(prefix).and_then(|hex| u64::from_str_radix(hex, 16).ok());
        let is_stale = if let Some(number) = number_of("journal-") {
            number_max = number_max.max(number);
            let is_live = number >= journal_first;
            is_live.then(|| journals.push(number));
            !is_live
        } else {
            number_of("segment-").is_some_and(|number| !segments.contains(&number))
        };
        if is_stale {
            std::fs::remove_file(&path).map_err(OpenError::at(&path))?;
        }
    }
    journals.sort_unstable();
    if journals.is_empty() {
        number_max += 1;
        journal::create(dir, number_max).map_err(OpenError::at(dir))?;
        journals.push(number_max);
    }
    let mut length = 0;
    for number in journals {
        length = load_journal(dir, number, &mut state)?;
    }
    state.recount_all();
    Ok((state, number_max + 1, length))
}

fn load_journal(dir: &Path, number: u64, state: &mut State) -> Result<u64, OpenError> {
    let path = journal::path(dir, number);
    let file = journal::open(dir, number).map_err(OpenError::at(&path))?;
    let bytes = file.metadata().map_err(OpenError::at(&path))?.len();
    let file = Arc::new(file);
    state.journals.push(JournalView::new(number, Arc::clone(&file)));
    let complete = journal::replay(&file, state).map_err(OpenError::at(&path))?;
    if complete < bytes {
        warn!(path = %path.display(), bytes = bytes - complete, "cut the torn end off a journal of logs");
        file.set_len(complete).map_err(OpenError::at(&path))?;
        file.sync_all().map_err(OpenError::at(&path))?;
    }
    Ok(complete)
}
