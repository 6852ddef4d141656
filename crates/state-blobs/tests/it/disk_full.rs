//! A full disk refuses what is pushed, and nothing else.

use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use state_blobs::{BlobError, Digest};

use super::{clock, open};

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
async fn an_upload_goes_on_when_there_is_space_again() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: mounting a small file system needs root");
        return;
    };
    let clock = clock();
    let store = open(disk.path(), &clock);
    let kept = store.put(Bytes::from_static(b"kept")).await.unwrap();
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![0; 3 << 20]).unwrap();
    let content = vec![7_u8; 2 << 20];
    let mut upload = store.begin_upload("owner").await.unwrap();
    let id = upload.id().to_owned();
    let mut refused = None;
    for chunk in content.chunks(64 << 10) {
        if let Err(failure) = upload.append(Bytes::copy_from_slice(chunk)).await {
            refused = Some(failure);
            break;
        }
    }
    let refused = match refused {
        Some(failure) => failure,
        None => upload.pause().await.expect_err("the disk is full"),
    };
    assert!(matches!(refused, BlobError::Full(_)), "{refused}");
    drop(upload);
    let failed = store.put(Bytes::from(vec![8; 2 << 20])).await;
    assert!(matches!(failed, Err(BlobError::Full(_))));
    assert_eq!(store.read(kept, 100).await.unwrap(), Some(Bytes::from_static(b"kept")));
    std::fs::remove_file(ballast).unwrap();
    let mut upload = store.resume_upload(&id, "owner").await.unwrap();
    let received = usize::try_from(upload.offset()).unwrap();
    assert!(received < content.len());
    upload.append(Bytes::copy_from_slice(&content[received..])).await.unwrap();
    let digest = Digest::of(&content);
    assert_eq!(upload.commit(Some(digest)).await.unwrap(), (digest, content.len() as u64));
    drop(store);
}
