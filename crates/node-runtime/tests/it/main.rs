//! Real tasks on the real kernel, the same suite for each OCI runtime. Needs root; without it, it says so
//! and passes.
//!
//! It has its own main because the spawner must be forked before any thread exists, which the standard
//! harness makes.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;

use node_runtime::spawner;
use node_runtime::spec::RuntimeKind;

mod basics;
mod kit;
mod lifecycle;
mod limits;
mod survival;

use kit::Kit;

type Test = (&'static str, fn(&Kit));

const RUNTIMES: [(RuntimeKind, &str); 3] = [
    (RuntimeKind::Crun, "/usr/bin/crun"),
    (RuntimeKind::Runc, "/usr/sbin/runc"),
    (RuntimeKind::Runsc, "/usr/bin/runsc"),
];
/// Most tests wait more than they compute.
const PARALLEL: usize = 4;

fn main() -> ExitCode {
    let filters: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if !rustix_is_root() {
        println!("SKIPPED: the node tests need root");
        return ExitCode::SUCCESS;
    }
    let mut failed = 0;
    for (kind, path) in RUNTIMES {
        let name = format!("{kind:?}").to_lowercase();
        if !Path::new(path).exists() {
            println!("SKIPPED: {path} is not installed");
            continue;
        }
        let tests: Vec<_> = all().filter(|(test, _)| matches(&filters, &format!("{name}::{test}"))).collect();
        if tests.is_empty() {
            continue;
        }
        // Each runtime's spawner is forked here, after the last runtime's threads have ended.
        let spawner = spawner::start().expect("a single-threaded root process can start the spawner");
        let kit = Kit::new(spawner, kind, Path::new(path));
        failed += run_all(&kit, &name, tests);
        let left = kit.end();
        if !left.is_empty() {
            println!("test {name}::nothing_is_left ... FAILED\n{}", left.join("\n"));
            failed += 1;
        }
    }
    println!("{failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn all() -> impl Iterator<Item = Test> {
    [basics::TESTS, lifecycle::TESTS, limits::TESTS, survival::TESTS].into_iter().flatten().copied()
}

fn run_all(kit: &Kit, runtime: &str, tests: Vec<Test>) -> usize {
    let queue = Mutex::new(tests.into_iter().collect::<VecDeque<_>>());
    let failed = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("no test holds the queue").pop_front();
                    let Some((name, test)) = next else { break };
                    let ended = catch_unwind(AssertUnwindSafe(|| test(kit)));
                    println!("test {runtime}::{name} ... {}", if ended.is_ok() { "ok" } else { "FAILED" });
                    *failed.lock().expect("no test holds the count") += usize::from(ended.is_err());
                }
            });
        }
    });
    failed.into_inner().expect("no test holds the count")
}

fn matches(filters: &[String], name: &str) -> bool {
    filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()))
}

fn rustix_is_root() -> bool {
    rustix::process::geteuid().is_root()
}
