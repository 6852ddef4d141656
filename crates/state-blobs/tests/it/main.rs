//! Blobs and uploads on a real file system.

mod blobs;
mod disk_full;
mod uploads;

use std::path::Path;
use std::sync::Arc;

use state_blobs::BlobStore;
use stdx::clock::{FakeClock, Timestamp};
use stdx::random::SystemRandom;

fn clock() -> Arc<FakeClock> {
    FakeClock::at(Timestamp::from_secs(1_800_000_000))
}

fn open(directory: &Path, clock: &Arc<FakeClock>) -> BlobStore {
    BlobStore::open(directory, Arc::clone(clock) as _, SystemRandom::shared()).expect("the store opens")
}
