//! Prints how many durable commits a second the embedded store takes, and what opening costs.
//!
//! `cargo run --release -p state-store --example commits -- [DIRECTORY]`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use state_store::{EmbeddedStore, Store, Transaction, Write};
use stdx::clock::{Clock, SystemClock};
use stdx_async::supervisor;

const ENTRIES: usize = 10_000;
const VALUE_BYTES: usize = 2048;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scratch =
        tempfile::tempdir_in(std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from))?;
    let clock = SystemClock::new();
    let store = Arc::new(EmbeddedStore::open(scratch.path())?);
    for (callers, each) in [(1, 3000), (8, 2000), (64, 1500)] {
        let from = clock.monotonic();
        let tasks: Vec<_> = (0..callers)
            .map(|caller| supervisor::spawn("caller", run(Arc::clone(&store), caller, each)))
            .collect();
        let mut latencies = Vec::new();
        for task in tasks {
            latencies.extend(task.await?.ok_or("a caller failed")?);
        }
        let seconds = (clock.monotonic() - from).as_secs_f64();
        latencies.sort_unstable();
        let rank = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
        let rate = latencies.len() as f64 / seconds;
        println!("{callers:3} callers: {rate:7.0} commits/s, p50 {:?}, p99 {:?}", rank(50), rank(99));
    }
    drop(store);

    let from = clock.monotonic();
    let store = EmbeddedStore::open(scratch.path())?;
    let opened = clock.monotonic() - from;
    let range = store.range(b"").await?;
    let read = clock.monotonic() - from;
    let entries = range.entries.len();
    println!("open {entries} entries of {VALUE_BYTES} bytes: {opened:?}, with all values read {read:?}");
    drop(range);
    let status = std::fs::read_to_string("/proc/self/status")?;
    let resident = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    println!("memory while open: {resident}");
    Ok(())
}

async fn run(store: Arc<EmbeddedStore>, caller: usize, count: usize) -> Vec<Duration> {
    let clock = SystemClock::new();
    let value = Bytes::from(vec![b'x'; VALUE_BYTES]);
    let mut latencies = Vec::with_capacity(count);
    for n in 0..count {
        let key =
            format!("ecs-task-definition/000000000000/us-east-1/{:08}", (caller * 7919 + n * 31) % ENTRIES);
        let write = Write::Put { key: key.into(), value: value.clone() };
        let from = clock.monotonic();
        let outcome = store.commit(Transaction { preconditions: Vec::new(), writes: vec![write] }).await;
        outcome.expect("the disk takes it");
        latencies.push(clock.monotonic() - from);
    }
    latencies
}
