//! Prints how fast a large blob is received (hashed, written, durable) and read back.
//!
//! `cargo run --release -p state-blobs --example blob_throughput -- [DIRECTORY]`

use std::io::Read;
use std::path::PathBuf;

use bytes::Bytes;
use state_blobs::BlobStore;
use stdx::clock::SystemClock;
use stdx::random::{Random, SystemRandom};

const BLOB_BYTES: usize = 200 << 20;
const CHUNK_BYTES: usize = 256 << 10;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scratch =
        tempfile::tempdir_in(std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from))?;
    let clock = SystemClock::shared();
    let store = BlobStore::open(scratch.path(), clock.clone(), SystemRandom::shared())?;
    let mut content = vec![0; BLOB_BYTES];
    SystemRandom.fill(&mut content);
    for round in 0..4 {
        content[0] = round;
        let content = Bytes::from(content.clone());
        let from = clock.monotonic();
        let mut upload = store.begin_upload("example").await?;
        for at in (0..content.len()).step_by(CHUNK_BYTES) {
            upload.append(content.slice(at..(at + CHUNK_BYTES).min(content.len()))).await?;
        }
        upload.pause().await?;
        let received = clock.monotonic() - from;
        let (digest, length) = upload.commit(None).await?;
        let durable = clock.monotonic() - from;
        let rate = |took: std::time::Duration| length as f64 / took.as_secs_f64() / 1e6;
        let mut blob = store.get(digest).await?.ok_or("it is there")?;
        let from = clock.monotonic();
        let mut buffer = vec![0; 1 << 20];
        while blob.file.read(&mut buffer)? > 0 {}
        let read = clock.monotonic() - from;
        println!(
            "received {:.0} MB/s, durable {:.0} MB/s, read {:.0} MB/s",
            rate(received),
            rate(durable),
            rate(read)
        );
    }
    Ok(())
}
