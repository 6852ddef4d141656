//! Uploads: in parts, interrupted, wrong, forgotten.

use std::time::Duration;

use bytes::Bytes;
use state_blobs::limits::UPLOADS_MAX;
use state_blobs::{BlobError, BlobStore, Digest, Upload};
use stdx::clock::Clock;

use super::{clock, open};

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 31 % 251) as u8).collect()
}

async fn append(upload: &mut Upload, bytes: &[u8]) {
    for chunk in bytes.chunks(10_000) {
        upload.append(Bytes::copy_from_slice(chunk)).await.expect("the disk takes it");
    }
}

async fn resume(store: &BlobStore, id: &str) -> Upload {
    // The former request is gone, its last bytes may still be on their way: longer than anyone waits, on a
    // busy disk.
    for _ in 0..30 {
        match store.resume_upload(id, "owner").await {
            Err(BlobError::UploadBusy) => {}
            outcome => return outcome.expect("it can be continued"),
        }
    }
    panic!("the upload stays busy");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_make_a_blob() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let store = open(directory.path(), &clock);
    let whole = content(1_000_000);
    let mut upload = store.begin_upload("owner").await.unwrap();
    let id = upload.id().to_owned();
    append(&mut upload, &whole[..400_000]).await;
    assert!(matches!(store.resume_upload(&id, "owner").await, Err(BlobError::UploadBusy)));
    assert_eq!(upload.pause().await.unwrap(), 400_000);
    append(&mut upload, &whole[400_000..500_000]).await;
    // The request ends without a word.
    drop(upload);
    let mut upload = resume(&store, &id).await;
    assert_eq!(upload.offset(), 500_000);
    append(&mut upload, &whole[500_000..700_000]).await;
    upload.pause().await.unwrap();
    drop(upload);
    // The process ends: the hash is computed again.
    drop(store);
    let store = open(directory.path(), &clock);
    let mut upload = resume(&store, &id).await;
    assert_eq!(upload.offset(), 700_000);
    append(&mut upload, &whole[700_000..]).await;
    let digest = Digest::of(&whole);
    assert_eq!(upload.commit(Some(digest)).await.unwrap(), (digest, 1_000_000));
    assert_eq!(store.read(digest, 1 << 30).await.unwrap().as_deref(), Some(&whole[..]));
    assert!(matches!(store.resume_upload(&id, "owner").await, Err(BlobError::UploadUnknown)));
    assert_eq!(std::fs::read_dir(directory.path().join("uploads")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_wrong_digest_is_refused_and_the_upload_stays() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let store = open(directory.path(), &clock);
    let mut upload = store.begin_upload("owner").await.unwrap();
    let id = upload.id().to_owned();
    append(&mut upload, b"content").await;
    let expected = Digest::of(b"other");
    let refused = upload.commit(Some(expected)).await;
    assert!(
        matches!(refused, Err(BlobError::DigestMismatch { found, .. }) if found == Digest::of(b"content"))
    );
    assert_eq!(store.length(expected).await.unwrap(), None);
    let upload = resume(&store, &id).await;
    assert_eq!(upload.commit(None).await.unwrap(), (Digest::of(b"content"), 7));
    let empty = store.begin_upload("owner").await.unwrap();
    assert_eq!(empty.commit(None).await.unwrap(), (Digest::of(b""), 0));
}

#[tokio::test]
async fn an_upload_belongs_to_its_owner() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let store = open(directory.path(), &clock);
    let upload = store.begin_upload("owner").await.unwrap();
    let id = upload.id().to_owned();
    drop(upload);
    for (id, label) in
        [(id.as_str(), "thief"), ("", "owner"), ("../x", "owner"), ("0", "owner"), (&id[1..], "owner")]
    {
        let outcome = store.resume_upload(id, label).await;
        assert!(matches!(outcome, Err(BlobError::UploadUnknown)), "{id:?} {label}");
    }
    resume(&store, &id).await.discard().await.unwrap();
    assert!(matches!(store.resume_upload(&id, "owner").await, Err(BlobError::UploadUnknown)));
}

#[tokio::test]
async fn forgotten_uploads_expire() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let store = open(directory.path(), &clock);
    let mut ids = Vec::new();
    for n in 0..3 {
        let mut upload = store.begin_upload("owner").await.unwrap();
        ids.push(upload.id().to_owned());
        append(&mut upload, b"content").await;
        upload.pause().await.unwrap();
        if n == 0 {
            clock.advance(Duration::from_hours(2));
        }
    }
    let busy = resume(&store, &ids[0]).await;
    let cutoff = clock.now().minus(Duration::from_hours(1));
    assert_eq!(store.expire_uploads(cutoff).await.unwrap(), 0, "it is in use");
    drop(busy);
    assert_eq!(store.expire_uploads(cutoff).await.unwrap(), 1);
    assert!(matches!(store.resume_upload(&ids[0], "owner").await, Err(BlobError::UploadUnknown)));
    resume(&store, &ids[1]).await;
}

#[tokio::test]
async fn uploads_are_bounded() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let store = open(directory.path(), &clock);
    for _ in 0..UPLOADS_MAX {
        store.begin_upload("owner").await.unwrap();
    }
    let refused = store.begin_upload("owner").await;
    assert!(matches!(refused, Err(BlobError::UploadsTooMany { .. })));
}
