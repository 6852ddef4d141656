//! The thread that writes and hashes what a request appends.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use sha2::Digest as _;
use stdx_async::supervisor;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{Progress, mark_used};
use crate::error::BlobError;
use crate::limits::{CHUNKS_QUEUED_MAX, FLUSH_BYTES};
use crate::store::BlobStore;

type Outcome = (Progress, Result<(), BlobError>);

#[derive(Debug)]
pub struct Worker {
    /// Taken when nothing more comes.
    chunks: Option<mpsc::Sender<Bytes>>,
    ended: oneshot::Receiver<Outcome>,
    file: Arc<File>,
    unflushed_bytes: u64,
    flush: Option<JoinHandle<Option<std::io::Result<()>>>>,
    /// A flush in the background takes a write error away from the last sync: it must not be lost.
    flush_failure: Option<std::io::Error>,
    before: Progress,
}

impl Worker {
    pub async fn start(
        store: BlobStore,
        id: String,
        progress: Progress,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self, BlobError> {
        let path = store.inner.upload_path(&id);
        let opened = supervisor::blocking(move || File::options().write(true).open(path)).await;
        let file = Arc::new(opened.map_err(BlobError::io("opening an upload"))?);
        let (chunks, received) = mpsc::channel(CHUNKS_QUEUED_MAX);
        let (answer, ended) = oneshot::channel();
        let before = progress.clone();
        let written = Arc::clone(&file);
        let _detached = supervisor::spawn("blob-upload", async move {
            let owner = store.clone();
            let outcome = supervisor::blocking(move || {
                let outcome = write(&written, progress, received);
                mark_used(&owner.inner, &written);
                outcome
            })
            .await;
            drop(permit);
            if let Err((progress, _)) = answer.send(outcome) {
                // The request is gone; what it sent is kept for the next one.
                store.inner.uploads.give_back(&id, progress);
            }
        });
        let chunks = Some(chunks);
        Ok(Self { chunks, ended, file, unflushed_bytes: 0, flush: None, flush_failure: None, before })
    }

    /// False when the worker ended early; [`Worker::finish`] says why.
    pub async fn send(&mut self, chunk: Bytes) -> bool {
        self.unflushed_bytes += chunk.len() as u64;
        if self.unflushed_bytes > FLUSH_BYTES && self.flush.as_ref().is_none_or(JoinHandle::is_finished) {
            self.note_flush().await;
            self.unflushed_bytes = 0;
            let file = Arc::clone(&self.file);
            let sync = async move { supervisor::blocking(move || file.sync_data()).await };
            self.flush = Some(supervisor::spawn("blob-flush", sync));
        }
        match &self.chunks {
            Some(chunks) => chunks.send(chunk).await.is_ok(),
            None => false,
        }
    }

    /// Waits until everything sent is written. The progress counts what is in the file. May be cancelled, but
    /// not be called again once it has answered.
    pub async fn finish(&mut self) -> Outcome {
        drop(self.chunks.take());
        self.note_flush().await;
        // A worker that panicked took its progress along: the file may hold more than what was hashed before.
        let lost = |_| (self.before.clone(), Err(BlobError::UploadUnknown));
        let (progress, outcome) = (&mut self.ended).await.unwrap_or_else(lost);
        match self.flush_failure.take() {
            Some(failure) => (self.before.clone(), Err(BlobError::io("writing an upload")(failure))),
            None => (progress, outcome),
        }
    }

    /// For a request that goes away: the progress, if the worker has already told it; otherwise it gives the
    /// upload back by itself.
    pub fn abandon(mut self) -> Option<Progress> {
        drop(self.chunks.take());
        self.ended.close();
        self.ended.try_recv().ok().map(|(progress, _)| progress)
    }

    async fn note_flush(&mut self) {
        let Some(flush) = &mut self.flush else { return };
        if let Ok(Some(Err(failure))) = flush.await {
            self.flush_failure = Some(failure);
        }
        self.flush = None;
    }
}

fn write(file: &File, mut progress: Progress, mut chunks: mpsc::Receiver<Bytes>) -> Outcome {
    // A request that failed before may have left something behind what was counted.
    if let Err(failure) = file.set_len(progress.offset) {
        return (progress, Err(BlobError::io("writing an upload")(failure)));
    }
    while let Some(chunk) = chunks.blocking_recv() {
        if let Err(failure) = file.write_all_at(&chunk, progress.offset) {
            let _ = file.set_len(progress.offset);
            return (progress, Err(BlobError::io("writing an upload")(failure)));
        }
        progress.hasher.update(&chunk);
        progress.offset += chunk.len() as u64;
    }
    (progress, Ok(()))
}
