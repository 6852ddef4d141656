//! The stores of the data directory, and their upkeep.

use std::sync::Arc;

use anyhow::Context as _;
use api_auth::SessionKeys;
use state_blobs::BlobStore;
use state_store::Store;
use state_store::embedded::EmbeddedStore;
use state_telemetry::logs::{self, LogStore};
use stdx::clock::SharedClock;
use stdx::random::Random;
use stdx_async::shutdown::Shutdown;

use super::Base;
use crate::data_dir::{DataDir, write_private};
use crate::limits::MAINTENANCE_PERIOD;

#[derive(Clone, Debug)]
pub struct Stores {
    pub store: Arc<dyn Store>,
    pub blobs: Arc<BlobStore>,
    pub logs: LogStore,
}

pub fn open(data_dir: &DataDir, clock: &SharedClock) -> anyhow::Result<Stores> {
    let store = EmbeddedStore::open(&data_dir.state()).context("the state can't be opened")?;
    let blobs = BlobStore::open(&data_dir.blobs()).context("the image layers can't be opened")?;
    let logs = LogStore::open(&data_dir.logs(), logs::Config::default(), Arc::clone(clock))
        .context("the logs can't be opened")?;
    Ok(Stores { store: Arc::new(store), blobs: Arc::new(blobs), logs })
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
