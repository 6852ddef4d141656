//! `kill -9` in the middle of commits, and what the next process finds.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use state_store::Store;
use stdx::random::SeededRandom;
use stdx_async::supervisor;

use super::{open, put, written};

const WRITERS: usize = 8;
const KILLS: usize = 12;
const DIRECTORY_VARIABLE: &str = "STATE_STORE_CRASH_DIRECTORY";

/// Not a test by itself: what the killed process runs. Prints every commit after it was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs as the child of a_killed_process_loses_nothing_acknowledged"]
#[expect(clippy::disallowed_methods, reason = "a test process has no other way to tell its child something")]
async fn child() {
    let Ok(directory) = std::env::var(DIRECTORY_VARIABLE) else { return };
    let store = Arc::new(open(Path::new(&directory)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = Arc::clone(&store);
            supervisor::spawn("writer", async move {
                for n in counted(&*store, writer).await.0.. {
                    // Two keys of one transaction, of a size that doesn't fit a page; and one that is
                    // overwritten each time, so that the log is rewritten now and then.
                    let filler = "x".repeat(2000 + writer * 300);
                    let writes = vec![
                        put(&format!("{writer:02}/left/{n:08}"), filler.clone()),
                        put(&format!("{writer:02}/right/{n:08}"), filler),
                        put(&format!("newest/{writer:02}"), format!("{n:08}").repeat(8000)),
                    ];
                    written(&*store, writes).await;
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "acknowledged {writer} {n}").expect("the parent listens");
                    out.flush().expect("the parent listens");
                }
            })
        })
        .collect();
    for writer in writers {
        let _ = writer.await;
    }
}

/// How many commits of the writer are there, on the left and on the right side; they must be a gapless
/// sequence.
async fn counted(store: &dyn Store, writer: usize) -> (usize, usize) {
    let mut counts = [0; 2];
    for (side, name) in ["left", "right"].iter().enumerate() {
        let prefix = format!("{writer:02}/{name}/");
        let range = store.range(prefix.as_bytes()).await.expect("the store can be read");
        for (n, entry) in range.entries.iter().enumerate() {
            assert_eq!(entry.key, format!("{prefix}{n:08}"), "no gap");
        }
        counts[side] = range.entries.len();
    }
    (counts[0], counts[1])
}

#[tokio::test]
async fn a_killed_process_loses_nothing_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let random = SeededRandom::shared(42);
    let mut rewritten = false;
    let mut acknowledged: BTreeMap<usize, usize> = BTreeMap::new();
    for _ in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child", "--ignored", "--nocapture"])
            .env(DIRECTORY_VARIABLE, directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the test can start itself");
        let lines = 100 + usize::try_from(stdx::random::below(&*random, 400)).unwrap();
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut seen = 0;
        // What the child still printed before it died counts too: read to the end.
        for line in output.lines() {
            let line = line.expect("text");
            if let Some(rest) = line.strip_prefix("acknowledged ") {
                let (writer, n) = rest.split_once(' ').expect("two numbers");
                acknowledged.insert(writer.parse().unwrap(), n.parse().unwrap());
                seen += 1;
                if seen == lines {
                    child.kill().expect("the child still runs");
                }
            }
        }
        child.wait().expect("the child ended");
        assert!(seen >= lines, "the child ended by itself after {seen} commits");
        let store = open(directory.path());
        rewritten |= std::fs::read_dir(directory.path())
            .unwrap()
            .any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with("snapshot-"));
        for (writer, newest) in &acknowledged {
            let (left, right) = counted(&store, *writer).await;
            assert_eq!(left, right, "a transaction is there whole or not at all");
            let newest_key = format!("newest/{writer:02}");
            let overwritten = store.get(newest_key.as_bytes()).await.expect("the store can be read");
            let expected = format!("{:08}", left - 1).repeat(8000);
            assert!(overwritten.is_some_and(|entry| entry.value == expected), "{newest_key}");
            // One more may have been durable and not yet told.
            assert!(left == newest + 1 || left == newest + 2, "writer {writer}: {left} after {newest}");
        }
    }
    assert!(rewritten, "the log was rewritten between the kills");
}
