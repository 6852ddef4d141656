//! A full disk refuses commits and nothing else.

use std::path::Path;
use std::process::Command;

use state_store::{CommitError, Store};

use super::{commit, dump, open, put, written};

/// A small file system of our own, gone with the value.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=4m", "tmpfs"];
        let mounted = Command::new("mount").args(mount).arg(directory.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(directory))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: mounting a small file system needs root");
        return;
    };
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![0; 2 << 20]).unwrap();
    let data = disk.path().join("state");
    {
        let store = open(&data);
        written(&store, vec![put("first", "1")]).await;
        let mut accepted = 0;
        let refused = loop {
            match commit(&store, vec![], vec![put(&format!("fill/{accepted:04}"), vec![7; 50_000])]).await {
                Ok(_) => accepted += 1,
                Err(refused) => break refused,
            }
            assert!(accepted < 1000, "the disk never filled");
        };
        assert!(matches!(refused, CommitError::Unavailable(_)), "{refused}");
        assert!(accepted > 10);
        // Refusal is stable, reading goes on.
        let again = commit(&store, vec![], vec![put("refused", vec![7; 50_000])]).await;
        assert!(matches!(again, Err(CommitError::Unavailable(_))));
        assert_eq!(dump(&store, "first").await, ["first=1@1.1"]);
        assert_eq!(store.range(b"fill/").await.unwrap().entries.len(), accepted);
        assert_eq!(store.get(b"refused").await.unwrap(), None);
        // Space returns: so does writing, with the next revision.
        std::fs::remove_file(&ballast).unwrap();
        let revision = written(&store, vec![put("after", "2")]).await;
        assert_eq!(revision, accepted as u64 + 2);
    }
    let store = open(&data);
    assert_eq!(dump(&store, "after").await.len(), 1);
    assert_eq!(dump(&store, "refused").await.len(), 0);
}
