//! The stores of the data directory, and their upkeep.

use std::sync::Arc;

use anyhow::Context as _;
use api_auth::SessionKeys;
use api_compute::ecr::{Ecr, RegistryAddress};
use api_platform::acm::Acm;
use state_blobs::BlobStore;
use state_store::Store;
use state_store::embedded::EmbeddedStore;
use state_telemetry::logs::{self, LogStore};
use state_telemetry::metrics::{self, MetricStore};
use stdx::clock::SharedClock;
use stdx::random::{Random, SharedRandom};
use stdx_async::shutdown::Shutdown;
use stdx_async::supervisor;

use super::Base;
use crate::data_dir::{DataDir, write_private};
use crate::limits::MAINTENANCE_PERIOD;

#[derive(Clone, Debug)]
pub struct Stores {
    pub store: Arc<dyn Store>,
    pub blobs: BlobStore,
    pub objects: BlobStore,
    pub logs: LogStore,
    pub metrics: MetricStore,
}

pub fn open(data_dir: &DataDir, clock: &SharedClock, random: &SharedRandom) -> anyhow::Result<Stores> {
    let store = EmbeddedStore::open(&data_dir.state()).context("the state can't be opened")?;
    let blobs = BlobStore::open(&data_dir.blobs(), Arc::clone(clock), Arc::clone(random))
        .context("the image layers can't be opened")?;
    let objects = BlobStore::open(&data_dir.objects(), Arc::clone(clock), Arc::clone(random))
        .context("the objects of S3 can't be opened")?;
    let logs = LogStore::open(&data_dir.logs(), logs::Config::default(), Arc::clone(clock))
        .context("the logs can't be opened")?;
    let metrics = MetricStore::open(&data_dir.metrics(), metrics::Config::default(), Arc::clone(clock))
        .context("the metrics can't be opened")?;
    Ok(Stores { store: Arc::new(store), blobs, objects, logs, metrics })
}

impl Stores {
    /// What ECR's handlers work with; `suffix` follows the account and region in registry names.
    pub fn ecr(&self, suffix: String, keys: &SessionKeys) -> Ecr {
        let address = RegistryAddress { suffix, scheme: "https" };
        Ecr { blobs: self.blobs.clone(), keys: keys.clone(), address }
    }
}

/// The master key that seals secrets and sessions, made at the first start.
pub fn session_keys(data_dir: &DataDir, random: &dyn Random) -> anyhow::Result<Arc<SessionKeys>> {
    let path = data_dir.keys().join("master.key");
    let key = match std::fs::read(&path) {
        Ok(bytes) => <[u8; 32]>::try_from(bytes.as_slice())
            .ok()
            .with_context(|| format!("{} is damaged: it must hold 32 bytes", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = SessionKeys::generate_master_key(random);
            write_private(&path, &key)?;
            key
        }
        Err(error) => return Err(error).with_context(|| format!("{} can't be read", path.display())),
    };
    Ok(Arc::new(SessionKeys::new(key)))
}

/// The upkeep of the stores, again and again until the shutdown.
pub async fn maintain(base: Base, stores: Stores, acm: Acm, mut shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(MAINTENANCE_PERIOD) => {}
            () = shutdown.requested() => return,
        }
        let view = base.state.view();
        let now = base.clock.now();
        if let Err(error) = api_platform::logs::retention::enforce_retention(&view, &stores.logs, now).await {
            warn(&error, "the retention of logs could not be enforced");
        }
        let logs = stores.logs.clone();
        if let Err(error) = supervisor::blocking(move || logs.collect_garbage()).await {
            warn(&error, "segments of expired logs could not be removed");
        }
        if let Err(error) = api_registry::lifecycle::expire_images(&base.state, now, &*base.random).await {
            warn(&error, "lifecycle policies of repositories could not be carried out");
        }
        if let Err(error) = api_registry::garbage::collect(&base.state, &stores.blobs, now).await {
            warn(&error, "image layers that nothing refers to could not be removed");
        }
        if let Err(error) = api_platform::s3::garbage::collect(&base.state, &stores.objects, now).await {
            warn(&error, "the bytes of deleted objects could not be removed");
        }
        if let Err(error) = api_platform::acm::renewal::renew(&base.state, &acm, now, &*base.random).await {
            warn(&error, "certificates that end soon could not be issued anew");
        }
    }
}

/// Upkeep that fails is tried again with the next round.
fn warn(error: &(dyn std::error::Error + 'static), what: &'static str) {
    tracing::warn!(error, "{what}");
}
