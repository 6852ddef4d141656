//! What every test of metrics needs: a store in a folder of its own, and short words for its operations.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use state_telemetry::metrics::{
    Config, Durability, MetricId, MetricStore, PointQuery, PutError, Resolution, Sample, Selector, Stat,
    Unit, Values,
};
use stdx::clock::{Clock as _, FakeClock, Timestamp};

/// Begins an hour, and a day, and a window of every tier.
pub const NOW: i64 = 35 * 86_400 * 585;

pub struct Kit {
    pub clock: Arc<FakeClock>,
    pub store: MetricStore,
    pub dir: tempfile::TempDir,
    config: Config,
}

impl Kit {
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    pub fn with(config: Config) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let clock = FakeClock::at(Timestamp::from_secs(NOW));
        let store = open(dir.path(), &config, &clock);
        Self { clock, store, dir, config }
    }

    /// What is in a folder already.
    pub fn open(dir: tempfile::TempDir, config: Config) -> Self {
        let clock = FakeClock::at(Timestamp::from_secs(NOW));
        let store = open(dir.path(), &config, &clock);
        Self { clock, store, dir, config }
    }

    /// Closes the store, has `change` look at its folder, and opens it again.
    pub fn reopen_after(self, change: impl FnOnce(&Path)) -> Self {
        let Kit { clock, store, dir, config } = self;
        drop(store);
        change(dir.path());
        let store = open(dir.path(), &config, &clock);
        Self { clock, store, dir, config }
    }

    pub fn reopen(self) -> Self {
        self.reopen_after(|_| {})
    }

    pub fn reopen_at(self, now_secs: i64) -> Self {
        let Kit { store, dir, config, .. } = self;
        drop(store);
        let clock = FakeClock::at(Timestamp::from_secs(now_secs));
        let store = open(dir.path(), &config, &clock);
        Self { clock, store, dir, config }
    }

    pub fn clock_secs(&self) -> i64 {
        self.clock.now().as_secs()
    }

    pub fn advance(&self, secs: i64) {
        self.clock.advance(Duration::from_secs(secs.unsigned_abs()));
    }

    pub async fn put(&self, samples: Vec<Sample>) {
        self.try_put(samples).await.expect("the put is stored");
    }

    pub async fn try_put(&self, samples: Vec<Sample>) -> Result<(), PutError> {
        self.store.put(samples, Durability::Synced).await
    }

    pub async fn seal(&self) {
        self.store.roll().await.expect("rolled");
        self.store.upkeep().expect("sealed");
    }

    pub fn files(&self, prefix: &str) -> usize {
        files(self.dir.path(), prefix).len()
    }

    /// Seconds after [`NOW`], and values.
    pub fn points(&self, name: &str, stat: &str, from: i64, until: i64, period_secs: u32) -> Vec<(i64, f64)> {
        let query = PointQuery {
            id: id(name),
            from: Timestamp::from_secs(NOW + from),
            until: Timestamp::from_secs(NOW + until),
            period_secs,
            stat: Stat::parse(stat).expect("a statistic"),
            unit: None,
        };
        let points = self.store.points(&query).expect("points");
        points.into_iter().map(|point| (point.at.as_secs() - NOW, point.value)).collect()
    }

    pub fn names(&self, selector: &Selector) -> Vec<String> {
        self.store.list(selector).into_iter().map(|info| info.id.name.to_string()).collect()
    }
}

pub fn open(dir: &Path, config: &Config, clock: &Arc<FakeClock>) -> MetricStore {
    MetricStore::open(dir, config.clone(), Arc::clone(clock) as _).expect("the store opens")
}

/// Oldest first.
pub fn files(dir: &Path, prefix: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).expect("the folder is there").flatten();
    let mut paths: Vec<_> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

pub fn id(name: &str) -> MetricId {
    MetricId::new("p", "App", name, [("Host", "a")])
}

/// `at` in seconds after [`NOW`].
pub fn sample(name: &str, at: i64, resolution: Resolution, values: Values) -> Sample {
    Sample { id: id(name), at: Timestamp::from_secs(NOW + at), unit: Unit::Count, resolution, values }
}

pub fn minute(name: &str, at: i64, value: f64) -> Sample {
    sample(name, at, Resolution::Minute, Values::One(value))
}

pub fn second(name: &str, at: i64, value: f64) -> Sample {
    sample(name, at, Resolution::Second, Values::One(value))
}

pub fn everything() -> Selector {
    Selector { partition: "p".into(), ..Selector::default() }
}
