//! Pulling from registries that behave, misbehave and fail.

mod build;
mod cache;
mod failures;
mod fake;
mod interop;
mod layers;

use std::path::Path;
use std::time::Duration;

use node_images::images::{Config, Images};
use node_images::manifest::Platform;
use node_images::{Auth, PreparedImage, PullError, Request};
use stdx::backoff::Backoff;
use stdx::clock::SystemClock;
use stdx::random::SystemRandom;
use tempfile::TempDir;

use crate::fake::Fake;

/// Unpacking sets owners and makes devices. Says visibly when a test can't run.
fn is_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIPPED {test}: unpacking layers needs root");
    }
    root
}

fn quick() -> Config {
    let backoff = Backoff { first: Duration::from_millis(2), max: Duration::from_millis(5) };
    Config {
        patience: node_images::images::Patience { retries_max: 3, backoff },
        connect_timeout: Some(Duration::from_secs(2)),
        ..Config::default()
    }
}

fn open(directory: &Path) -> Images {
    Images::open(directory, quick(), SystemClock::shared(), SystemRandom::shared()).expect("the store opens")
}

fn store() -> (TempDir, Images) {
    let directory = tempfile::tempdir().expect("a directory");
    let images = open(directory.path());
    (directory, images)
}

fn request(reference: &str) -> Request {
    Request::new(reference.parse().expect("a valid reference"), Platform::new("amd64"), Auth::Anonymous)
}

async fn pull(images: &Images, fake: &Fake, name: &str) -> Result<PreparedImage, PullError> {
    images.ensure(request(&format!("{}/{name}", fake.address))).await
}

/// What is left of unfinished work.
fn ingest(directory: &TempDir) -> usize {
    std::fs::read_dir(directory.path().join("ingest")).expect("the folder exists").count()
}
