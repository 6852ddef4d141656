//! Measures the way of lines from 20 spools into the log store.
//!
//! `cargo run --release -p api-platform --example bench_ingest [megabytes]`

use std::collections::BTreeMap;
use std::sync::Arc;

use api_platform::logs::ingest::{Ingest, SpoolBatch, SpoolLine, StreamTarget, prepare_stream};
use api_platform::logs::metrics::LogMetrics;
use state_model::Scope;
use state_store::memory::MemoryStore;
use state_tables::State;
use state_telemetry::assemble::AssembleOptions;
use state_telemetry::logs::{Config, LogStore};
use state_telemetry::metrics::{self, MetricStore};
use stdx::clock::{Clock, SystemClock};
use stdx_async::supervisor;

const TASKS: usize = 20;
const LINE: &[u8] =
    b"2026-01-01T00:00:00.000Z INFO request handled path=/api/v1/items status=200 took=12ms id=000000000001";
const LINES_PER_BATCH: u64 = 2_500;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let megabytes: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let dir = tempfile::tempdir().expect("a folder");
    let clock = SystemClock::new();
    let store =
        LogStore::open(dir.path(), Config::default(), SystemClock::shared()).expect("the store opens");
    let metrics =
        MetricStore::open(&dir.path().join("metrics"), metrics::Config::default(), SystemClock::shared())
            .expect("the store opens");
    let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty state loads");
    supervisor::spawn("feed", feed.run());
    let ingest = Arc::new(Ingest::new(Arc::clone(&state), store.clone(), Arc::new(LogMetrics::new(metrics))));
    let batches = megabytes * 1_000_000 / (LINE.len() as u64 * LINES_PER_BATCH * TASKS as u64);
    let (started, cpu) = (clock.monotonic(), cpu_seconds());
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let target = StreamTarget {
            scope: Scope::new("000000000000", "us-east-1"),
            group: "/ecs/web".into(),
            stream: format!("web/app/{task}"),
            create_group: true,
            options: AssembleOptions::default(),
        };
        prepare_stream(&state, &store, &target, clock.now()).await.expect("prepared");
        let (ingest, targets) = (Arc::clone(&ingest), BTreeMap::from([(0, target)]));
        tasks.push(supervisor::spawn("task", async move {
            let clock = SystemClock::new();
            let mut position = 0;
            for _ in 0..batches {
                let at = clock.now();
                let line = |_| {
                    position += LINE.len() as u64 + 1;
                    SpoolLine { target: 0, at, bytes: LINE, end: position }
                };
                let lines: Vec<_> = (0..LINES_PER_BATCH).map(line).collect();
                let batch = SpoolBatch { lines, end: position, is_last: false };
                ingest.append(&format!("task/{task}"), &targets, batch, at).await.expect("stored");
            }
        }));
    }
    for task in tasks {
        task.await.expect("the task runs to its end");
    }
    let (wall, cpu) = ((clock.monotonic() - started).as_secs_f64(), cpu_seconds() - cpu);
    let written = (batches * LINES_PER_BATCH * TASKS as u64 * LINE.len() as u64) as f64 / 1e6;
    println!(
        "{written:.0} MB from {TASKS} tasks in {wall:.2} s = {:.0} MB/s; {cpu:.2} s of cpu = {:.0} % of a core at \
         100 MB/s",
        written / wall,
        cpu / written * 10_000.0,
    );
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: f64 = after_name.split(' ').skip(11).take(2).filter_map(|text| text.parse::<f64>().ok()).sum();
    ticks / TICKS_PER_SECOND
}
