//! What every test needs: a store in a folder of its own, and short words for its operations.

use std::path::Path;
use std::sync::Arc;

use state_telemetry::logs::{
    Ack, Append, AppendError, Batch, Config, Event, Filter, LogStore, Selector, SourcePosition,
};
use state_telemetry::pattern::Pattern;
use stdx::clock::{FakeClock, Timestamp};

pub const NOW: i64 = 1_767_225_600_000;

pub struct Kit {
    pub clock: Arc<FakeClock>,
    pub store: LogStore,
    pub dir: tempfile::TempDir,
    config: Config,
}

impl Kit {
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    pub fn with(config: Config) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let clock = FakeClock::at(Timestamp(NOW));
        let store = open(dir.path(), config.clone(), &clock);
        Self { clock, store, dir, config }
    }

    /// A store that seals after every few appends.
    pub fn sealing() -> Self {
        Self::with(Config { journal_bytes_max: 2_000, ..Config::default() })
    }

    /// Closes the store and opens it again.
    pub fn reopen(self) -> Self {
        let Kit { clock, store, dir, config } = self;
        drop(store);
        let store = open(dir.path(), config.clone(), &clock);
        Self { clock, store, dir, config }
    }

    pub async fn put(&self, stream: &str, events: &[(i64, &str)]) {
        append(&self.store, None, &[(stream, events)]).await.expect("the append is stored");
    }

    pub fn files(&self, prefix: &str) -> usize {
        let entries = std::fs::read_dir(self.dir.path()).expect("the folder is there");
        entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)).count()
    }

    /// Every message of the selected streams with its timestamp, page by page.
    pub fn all(&self, selector: &Selector, pattern: &str) -> Vec<(i64, String)> {
        self.pages(selector, pattern, true, 7)
            .into_iter()
            .map(|event| (event.timestamp_ms, text(&event)))
            .collect()
    }

    pub fn pages(&self, selector: &Selector, pattern: &str, from_head: bool, limit: usize) -> Vec<Event> {
        let mut request = Filter {
            selector: selector.clone(),
            start_ms: None,
            end_ms: None,
            pattern: Pattern::parse(pattern).expect("a pattern"),
            from_head,
            limit,
            cursor: None,
        };
        let mut events = Vec::new();
        loop {
            let page = self.store.filter(&request).expect("a page");
            assert!(page.events.len() <= limit);
            events.extend(page.events);
            match page.next {
                // A cursor survives as text.
                Some(next) => request.cursor = Some(next.to_string().parse().expect("a cursor")),
                None => return events,
            }
        }
    }
}

pub fn open(dir: &Path, config: Config, clock: &Arc<FakeClock>) -> LogStore {
    LogStore::open(dir, config, Arc::clone(clock) as _).expect("the store opens")
}

pub async fn append(
    store: &LogStore,
    source: Option<(&str, u64)>,
    batches: &[(&str, &[(i64, &str)])],
) -> Result<Ack, AppendError> {
    let batches = batches.iter().map(|(stream, events)| {
        let mut batch = Batch::new();
        for (timestamp, message) in *events {
            assert!(batch.push(*timestamp, message.as_bytes()));
        }
        ((*stream).to_owned(), batch)
    });
    let sources = source.map(|(key, offset)| (key.to_owned(), SourcePosition { segment: 0, offset }));
    store.append(Append { sources: sources.into_iter().collect(), batches: batches.collect() }).await
}

pub fn text(event: &Event) -> String {
    String::from_utf8_lossy(&event.message).into_owned()
}

pub fn only(stream: &str) -> Selector {
    Selector::Streams(vec![stream.to_owned()])
}

pub fn everything() -> Selector {
    Selector::Prefix(String::new())
}

/// Waits for what another thread does, without a fixed time.
pub fn wait_for(what: &str, mut is_true: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if is_true() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("waited in vain for {what}");
}
