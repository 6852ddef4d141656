//! Blobs by digest.

use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use state_blobs::{BlobError, Digest};
use stdx::clock::Clock;

use super::{clock, open};

#[tokio::test]
async fn a_blob_is_found_by_its_digest() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let store = open(directory.path(), &clock);
    let digest = store.put(Bytes::from_static(b"content")).await.unwrap();
    assert_eq!(digest, Digest::of(b"content"));
    assert_eq!(store.put(Bytes::from_static(b"content")).await.unwrap(), digest);
    assert_eq!(store.length(digest).await.unwrap(), Some(7));
    let mut blob = store.get(digest).await.unwrap().expect("it is there");
    let mut text = String::new();
    blob.file.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), blob.length), ("content", 7));
    assert_eq!(store.read(digest, 7).await.unwrap(), Some(Bytes::from_static(b"content")));
    assert!(matches!(store.read(digest, 6).await, Err(BlobError::TooLarge { limit: 6 })));
    let other = Digest::of(b"other");
    assert_eq!(store.length(other).await.unwrap(), None);
    assert!(store.get(other).await.unwrap().is_none());
    assert_eq!(store.touch(other).await.unwrap(), None);
}

#[tokio::test]
async fn only_unused_blobs_are_deleted() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let store = open(directory.path(), &clock);
    let old = store.put(Bytes::from_static(b"old")).await.unwrap();
    let asked = store.put(Bytes::from_static(b"asked for")).await.unwrap();
    clock.advance(Duration::from_hours(2));
    let new = store.put(Bytes::from_static(b"new")).await.unwrap();
    assert_eq!(store.touch(asked).await.unwrap(), Some(9));
    let mut listed = store.list().await.unwrap();
    listed.sort_by_key(|blob| blob.length);
    let ages: Vec<_> = listed.iter().map(|blob| clock.now().since(blob.used_at).as_secs()).collect();
    assert_eq!(ages, [7200, 0, 0]);
    let cutoff = clock.now().minus(Duration::from_hours(1));
    for (digest, deleted) in [(old, true), (asked, false), (new, false), (Digest::of(b"never"), false)] {
        assert_eq!(store.delete_unused_since(digest, cutoff).await.unwrap(), deleted, "{digest}");
        assert_eq!(store.length(digest).await.unwrap().is_some(), !deleted && digest != Digest::of(b"never"));
    }
    store.clear().await.unwrap();
    assert_eq!(store.list().await.unwrap(), []);
    store.put(Bytes::from_static(b"again")).await.unwrap();
}
