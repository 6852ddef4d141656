//! What every provider must do.

use std::collections::BTreeMap;
use std::sync::Arc;

use state_store::limits::{KEY_BYTES_MAX, TRANSACTION_BYTES_MAX, TRANSACTION_OPERATIONS_MAX};
use state_store::memory::MemoryStore;
use state_store::{CommitError, Precondition, Store, Watch, WatchBatch, WatchError, Write};

use super::{absent, commit, delete, dump, open, present, put, unchanged, written};

/// Runs each case of this file against each provider.
macro_rules! for_every_provider {
    ($($case:ident)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $case() {
                super::$case(super::Arc::new(super::MemoryStore::new())).await;
            })*
        }
        mod embedded {
            $(#[tokio::test]
            async fn $case() {
                let directory = tempfile::tempdir().expect("a directory for the test");
                super::$case(super::Arc::new(super::open(directory.path()))).await;
            })*
        }
    };
}

for_every_provider! {
    an_empty_store_has_revision_zero
    keys_know_their_revisions
    ranges_are_ordered_and_end_at_their_prefix
    preconditions_hold_or_nothing_happens
    a_transaction_without_writes_only_checks
    transactions_over_a_limit_are_refused
    watches_begin_where_they_are_told
    a_forgotten_revision_can_not_be_watched
    of_competing_commits_one_wins
    watchers_and_readers_agree
}

async fn next(watch: &mut Watch) -> WatchBatch {
    watch.batches.recv().await.expect("the watch is open").expect("the watch goes on")
}

fn show(batch: &WatchBatch) -> String {
    let changes = batch.changes.iter().map(|change| {
        let key = String::from_utf8_lossy(&change.key);
        match &change.value {
            Some(value) => format!("{key}={}", String::from_utf8_lossy(value)),
            None => format!("-{key}"),
        }
    });
    format!("{}: {}", batch.revision, changes.collect::<Vec<_>>().join(" "))
}

async fn an_empty_store_has_revision_zero(store: Arc<dyn Store>) {
    let range = store.range(b"").await.expect("the store can be read");
    assert_eq!((range.revision, range.entries.len()), (0, 0));
    assert_eq!(store.get(b"none").await.expect("the store can be read"), None);
    assert_eq!(written(&*store, vec![put("a", "1")]).await, 1);
}

async fn keys_know_their_revisions(store: Arc<dyn Store>) {
    written(&*store, vec![put("a", "1"), put("b", "1")]).await;
    written(&*store, vec![put("a", "2")]).await;
    written(&*store, vec![delete("b"), delete("never")]).await;
    written(&*store, vec![put("b", ""), put("c", "3")]).await;
    assert_eq!(dump(&*store, "").await, ["a=2@1.2", "b=@4.4", "c=3@4.4"]);
    let entry = store.get(b"a").await.expect("the store can be read").expect("the key exists");
    assert_eq!((&entry.value[..], entry.create_revision, entry.mod_revision), (&b"2"[..], 1, 2));
}

async fn ranges_are_ordered_and_end_at_their_prefix(store: Arc<dyn Store>) {
    let keys = ["t/b", "t/a", "t", "t/a/x", "t0", "s/z", "t/\u{ff}"];
    written(&*store, keys.iter().map(|key| put(key, "")).collect()).await;
    let found = store.range(b"t/").await.expect("the store can be read").entries;
    let found: Vec<_> = found.iter().map(|entry| String::from_utf8_lossy(&entry.key)).collect();
    assert_eq!(found, ["t/a", "t/a/x", "t/b", "t/\u{ff}"]);
}

async fn preconditions_hold_or_nothing_happens(store: Arc<dyn Store>) {
    let first = written(&*store, vec![put("a", "1")]).await;
    let cases = [
        (absent("a"), false),
        (absent("b"), true),
        (present("a"), true),
        (present("b"), false),
        (unchanged("a", first), true),
        (unchanged("a", first + 7), false),
        (unchanged("b", first), false),
    ];
    for (precondition, holds) in cases {
        let text = format!("{precondition:?}");
        let outcome = commit(&*store, vec![present("a"), precondition.clone()], vec![put("seen", "")]).await;
        match outcome {
            Ok(_) => assert!(holds, "{text}"),
            Err(CommitError::Conflict { key }) => {
                assert!(!holds && key == precondition.key(), "{text}");
            }
            Err(other) => panic!("{text}: {other}"),
        }
        let seen = store.get(b"seen").await.expect("the store can be read").is_some();
        assert_eq!(seen, holds, "{text}");
        written(&*store, vec![delete("seen")]).await;
    }
}

async fn a_transaction_without_writes_only_checks(store: Arc<dyn Store>) {
    written(&*store, vec![put("a", "1")]).await;
    assert_eq!(commit(&*store, vec![present("a")], Vec::new()).await.expect("it holds"), 1);
    let refused = commit(&*store, vec![absent("a")], Vec::new()).await;
    assert!(matches!(refused, Err(CommitError::Conflict { .. })));
    assert_eq!(store.range(b"").await.expect("the store can be read").revision, 1);
}

async fn transactions_over_a_limit_are_refused(store: Arc<dyn Store>) {
    let many = |count: usize| (0..count).map(|n| put(&format!("k{n}"), "")).collect::<Vec<_>>();
    let key = |length: usize| vec![put(&"k".repeat(length), "")];
    let value = |length: usize| vec![put("k", vec![7; length])];
    let cases: [(Vec<Write>, bool); 8] = [
        (many(TRANSACTION_OPERATIONS_MAX), true),
        (many(TRANSACTION_OPERATIONS_MAX + 1), false),
        (key(KEY_BYTES_MAX), true),
        (key(KEY_BYTES_MAX + 1), false),
        (key(0), false),
        (value(TRANSACTION_BYTES_MAX - 1), true),
        (value(TRANSACTION_BYTES_MAX), false),
        (vec![put("a", "1"), delete("a")], false),
    ];
    for (number, (writes, good)) in cases.into_iter().enumerate() {
        match commit(&*store, Vec::new(), writes).await {
            Ok(_) => assert!(good, "case {number}"),
            Err(CommitError::Refused { .. }) => assert!(!good, "case {number}"),
            Err(other) => panic!("case {number}: {other}"),
        }
    }
    let checks: Vec<Precondition> =
        (0..TRANSACTION_OPERATIONS_MAX + 1).map(|n| absent(&n.to_string())).collect();
    assert!(matches!(commit(&*store, checks, Vec::new()).await, Err(CommitError::Refused { .. })));
}

async fn watches_begin_where_they_are_told(store: Arc<dyn Store>) {
    written(&*store, vec![put("a", "1")]).await;
    written(&*store, vec![put("b", "2"), delete("a")]).await;
    let mut all = store.watch(0).await.expect("nothing is forgotten");
    let mut late = store.watch(1).await.expect("nothing is forgotten");
    let mut future = store.watch(2).await.expect("nothing is forgotten");
    assert_eq!(written(&*store, vec![delete("never"), delete("a")]).await, 2, "nothing changes");
    written(&*store, vec![delete("never"), put("c", "3")]).await;
    assert_eq!(show(&next(&mut all).await), "1: a=1");
    for watch in [&mut all, &mut late] {
        assert_eq!(show(&next(watch).await), "2: b=2 -a");
    }
    for watch in [&mut all, &mut late, &mut future] {
        assert_eq!(show(&next(watch).await), "3: c=3");
    }
}

async fn a_forgotten_revision_can_not_be_watched(store: Arc<dyn Store>) {
    for _ in 0..4 {
        written(&*store, vec![put("a", vec![0; TRANSACTION_BYTES_MAX - 16])]).await;
    }
    let outcome = store.watch(0).await.err();
    assert!(matches!(outcome, Some(WatchError::Compacted { requested: 0, .. })), "{outcome:?}");
    store.watch(4).await.expect("the present can be watched");
}

async fn of_competing_commits_one_wins(store: Arc<dyn Store>) {
    for round in 0..50 {
        let key = format!("k{round}");
        let attempts = (0..16).map(|n| {
            let (store, key) = (Arc::clone(&store), key.clone());
            async move { commit(&*store, vec![absent(&key)], vec![put(&key, n.to_string())]).await.is_ok() }
        });
        let outcomes = together(attempts).await;
        assert_eq!(outcomes.into_iter().filter(|won| *won).count(), 1);
    }
}

/// Increments shared counters from many tasks; afterwards the watch, applied, equals the range, and nothing
/// is lost.
async fn watchers_and_readers_agree(store: Arc<dyn Store>) {
    const TASKS: usize = 16;
    const ROUNDS: usize = 40;
    let mut watch = store.watch(0).await.expect("nothing is forgotten");
    let tasks = (0..TASKS).map(|task| {
        let store = Arc::clone(&store);
        async move {
            for round in 0..ROUNDS {
                let key = format!("counter{}", (task + round) % 3);
                increment(&*store, &key).await;
            }
        }
    });
    together(tasks).await;
    let range = store.range(b"").await.expect("the store can be read");
    let mut seen = BTreeMap::new();
    let mut last = 0;
    while last < range.revision {
        let batch = next(&mut watch).await;
        assert_eq!(batch.revision, last + 1, "no gap and no repetition");
        last = batch.revision;
        for change in batch.changes.iter() {
            seen.insert(change.key.clone(), change.value.clone().expect("nothing is deleted here"));
        }
    }
    let read: BTreeMap<_, _> = range.entries.into_iter().map(|entry| (entry.key, entry.value)).collect();
    assert_eq!(seen, read);
    let total: usize =
        read.values().map(|value| String::from_utf8_lossy(value).parse::<usize>().unwrap()).sum();
    assert_eq!(total, TASKS * ROUNDS);
}

async fn increment(store: &dyn Store, key: &str) {
    loop {
        let read = store.get(key.as_bytes()).await.expect("the store can be read");
        let (precondition, value) = match &read {
            None => (absent(key), 1),
            Some(entry) => {
                let value: usize = String::from_utf8_lossy(&entry.value).parse().unwrap();
                (unchanged(key, entry.mod_revision), value + 1)
            }
        };
        match commit(store, vec![precondition], vec![put(key, value.to_string())]).await {
            Ok(_) => return,
            Err(CommitError::Conflict { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

async fn together<T: Send + 'static>(
    futures: impl Iterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let started: Vec<_> = futures.map(|future| stdx_async::supervisor::spawn("case", future)).collect();
    let mut outputs = Vec::new();
    for handle in started {
        outputs.push(handle.await.ok().flatten().expect("the task ends by itself"));
    }
    outputs
}
