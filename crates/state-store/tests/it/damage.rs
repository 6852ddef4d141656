//! What opening makes of a directory that was left in any way.

use std::fs;
use std::path::{Path, PathBuf};

use state_store::embedded::OpenError;
use state_store::limits::COMPACTION_LOG_BYTES_MIN;
use state_store::{EmbeddedStore, Store};

use super::{delete, dump, open, put, written};

fn files(directory: &Path, kind: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("the directory exists");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    paths.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(kind)));
    paths.sort();
    paths
}

fn the_log(directory: &Path) -> PathBuf {
    files(directory, "log-").pop().expect("there is a log")
}

#[tokio::test]
async fn everything_is_there_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let store = open(directory.path());
        written(&store, vec![put("a", round.to_string()), put(&format!("r{round}"), "x")]).await;
        written(&store, vec![delete(&format!("r{}", round - 1))]).await;
    }
    let store = open(directory.path());
    assert_eq!(dump(&store, "").await, ["a=3@1.4", "r3=x@4.4"]);
    assert_eq!(written(&store, vec![put("b", "")]).await, 6);
}

#[tokio::test]
async fn one_process_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let held = open(directory.path());
    let refused = EmbeddedStore::open(directory.path()).expect_err("the directory is locked");
    assert!(matches!(&refused, OpenError::Locked { pid, .. } if *pid == std::process::id().to_string()));
    assert!(refused.to_string().ends_with(&format!("is in use by process {}", std::process::id())));
    drop(held);
    open(directory.path());
}

/// A crash may tear the end of the log anywhere: what is left is a whole number of transactions, and it can
/// be written.
#[tokio::test]
async fn a_torn_end_leaves_whole_transactions() {
    let directory = tempfile::tempdir().unwrap();
    {
        let store = open(directory.path());
        for n in 0..6 {
            written(&store, vec![put("left", n.to_string()), put("right", n.to_string())]).await;
        }
    }
    let whole = fs::read(the_log(directory.path())).unwrap();
    let check = async |bytes: &[u8], text: String| {
        let copy = tempfile::tempdir().unwrap();
        fs::write(copy.path().join(the_log(directory.path()).file_name().unwrap()), bytes).unwrap();
        let revision = {
            let store = open(copy.path());
            let revision = store.range(b"").await.unwrap().revision;
            let expected = match revision.checked_sub(1) {
                None => Vec::new(),
                Some(n) => vec![format!("left={n}@1.{revision}"), format!("right={n}@1.{revision}")],
            };
            assert_eq!(dump(&store, "").await, expected, "{text}");
            assert_eq!(written(&store, vec![put("more", "")]).await, revision + 1, "{text}");
            revision
        };
        assert_eq!(dump(&open(copy.path()), "more").await.len(), 1, "{text}");
        revision
    };
    let mut counts = Vec::new();
    for length in 0..=whole.len() {
        counts.push(check(&whole[..length], format!("cut to {length}")).await);
    }
    assert!(counts.is_sorted() && counts.last() == Some(&6));
    for flipped in (whole.len() - 60)..whole.len() {
        let mut bytes = whole.clone();
        bytes[flipped] ^= 0x10;
        let left = check(&bytes, format!("bit of {flipped}")).await;
        assert!(left < 6, "byte {flipped}");
    }
}

#[tokio::test]
async fn a_foreign_file_is_told() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    fs::write(the_log(directory.path()), b"SQLite format 3").unwrap();
    let refused = EmbeddedStore::open(directory.path()).expect_err("this is no log of ours");
    assert!(matches!(refused, OpenError::Damaged { offset: 0, .. }), "{refused}");
}

#[tokio::test]
async fn the_log_is_rewritten_and_a_crash_meanwhile_is_harmless() {
    let directory = tempfile::tempdir().unwrap();
    let big = vec![7_u8; 1 << 20];
    let commits = (COMPACTION_LOG_BYTES_MIN >> 20) + 20;
    {
        let store = open(directory.path());
        written(&store, vec![put("kept", "1"), put("deleted", "1")]).await;
        for _ in 0..commits {
            written(&store, vec![put("big", big.clone())]).await;
        }
        written(&store, vec![delete("deleted"), put("late", "1")]).await;
    }
    assert_eq!(files(directory.path(), "snapshot-").len(), 1);
    let bytes: u64 = files(directory.path(), "").iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(bytes < COMPACTION_LOG_BYTES_MIN + (4 << 20), "{bytes} bytes are left");
    // What a crash may leave: an unfinished snapshot and files that a newer one replaces.
    fs::write(directory.path().join("snapshot-00000000000000ff.tmp"), b"half").unwrap();
    fs::write(directory.path().join("log-0000000000000000"), b"old").unwrap();
    let store = open(directory.path());
    let newest = commits + 2;
    assert_eq!(store.range(b"").await.unwrap().revision, newest);
    assert_eq!(dump(&store, "kept").await, ["kept=1@1.1"]);
    assert_eq!(dump(&store, "d").await, Vec::<String>::new());
    assert_eq!(dump(&store, "late").await, [format!("late=1@{newest}.{newest}")]);
    let entry = store.get(b"big").await.unwrap().expect("it is there");
    assert_eq!((entry.create_revision, entry.mod_revision), (2, newest - 1));
    assert!(entry.value == big);
    assert!(files(directory.path(), "").iter().all(|path| path.extension().is_none()));
}
