//! Uploads: begun once, continued by any number of requests, one at a time, and then a blob.

mod slots;
mod worker;

use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use stdx::clock::Timestamp;
use stdx::random;

use crate::digest::Digest;
use crate::error::BlobError;
use crate::limits::{BLOB_BYTES_MAX, REHASH_BUFFER_BYTES, UPLOAD_ID_BYTES_MAX, UPLOADS_MAX};
use crate::store::{BlobStore, Inner, found, read_directory, system_time, used_at};
use slots::Slot;
pub(crate) use slots::{Progress, Uploads};
use worker::Worker;

/// The exclusive use of an upload by one request. Dropping it keeps what was appended, for the next request.
#[derive(Debug)]
pub struct Upload {
    store: BlobStore,
    id: String,
    offset: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Idle(Progress),
    Writing(Worker),
    Ended,
}

impl BlobStore {
    /// Begins an upload. The label must be given again to continue it: it ties an upload to its owner.
    pub async fn begin_upload(&self, label: &str) -> Result<Upload, BlobError> {
        let id = random::uuid(&*self.inner.random);
        {
            let mut slots = self.inner.uploads.lock();
            if slots.len() >= UPLOADS_MAX {
                return Err(BlobError::UploadsTooMany { limit: UPLOADS_MAX });
            }
            slots.insert(id.clone(), Slot::Busy);
        }
        let progress = Progress { hasher: Sha256::new(), offset: 0 };
        let upload = Upload { store: self.clone(), id: id.clone(), offset: 0, state: State::Idle(progress) };
        let label = label.to_owned();
        let made = self
            .blocking(move |inner| {
                let path = inner.upload_path(&id);
                let made = File::create_new(path.with_extension("label")).and_then(|mut file| {
                    file.write_all(label.as_bytes())?;
                    mark_used(inner, &file);
                    File::create_new(&path)
                });
                made.map(|file| mark_used(inner, &file)).map_err(BlobError::io("beginning an upload"))
            })
            .await;
        match made {
            Ok(()) => Ok(upload),
            Err(failure) => {
                upload.discard().await?;
                Err(failure)
            }
        }
    }

    /// Continues an upload. It has what was received before, also when that request broke off or the process
    /// was restarted.
    pub async fn resume_upload(&self, id: &str, label: &str) -> Result<Upload, BlobError> {
        if id.is_empty()
            || id.len() > UPLOAD_ID_BYTES_MAX
            || id.bytes().any(|b| b != b'-' && !b.is_ascii_alphanumeric())
        {
            return Err(BlobError::UploadUnknown);
        }
        let (path_id, expected) = (id.to_owned(), label.to_owned());
        let labelled = self
            .blocking(move |inner| {
                found(fs::read_to_string(inner.upload_path(&path_id).with_extension("label")))
            })
            .await?;
        if labelled.is_none_or(|found| found != expected) {
            return Err(BlobError::UploadUnknown);
        }
        let progress = match self.inner.uploads.take(id).await? {
            Some(progress) => progress,
            None => self.rehash(id).await?,
        };
        let offset = progress.offset;
        Ok(Upload { store: self.clone(), id: id.to_owned(), offset, state: State::Idle(progress) })
    }

    async fn rehash(&self, id: &str) -> Result<Progress, BlobError> {
        let mut unread = Unread { store: self, id, is_read: false };
        let owned = id.to_owned();
        let progress = self.blocking(move |inner| rehash(inner, &owned)).await?;
        unread.is_read = true;
        Ok(progress)
    }

    /// Discards the uploads that nobody continued since `cutoff`; yields how many.
    pub async fn expire_uploads(&self, cutoff: Timestamp) -> Result<usize, BlobError> {
        self.blocking(move |inner| {
            let mut count = 0;
            for entry in read_directory(&inner.directory.join("uploads"))? {
                let name = entry.file_name().to_string_lossy().into_owned();
                let Some(metadata) = found(entry.metadata())? else { continue };
                if used_at(&metadata) > cutoff {
                    continue;
                }
                let id = name.strip_suffix(".label").unwrap_or(&name).to_owned();
                let mut slots = inner.uploads.lock();
                let idle = !matches!(slots.get(&id), Some(Slot::Busy));
                let whole = name.ends_with(".label") && inner.upload_path(&id).exists();
                if idle && !whole {
                    count += usize::from(slots.remove(&id).is_some());
                    found(fs::remove_file(inner.upload_path(&id)))?;
                    found(fs::remove_file(inner.upload_path(&id).with_extension("label")))?;
                }
            }
            // What became a blob while its request went away.
            let mut slots = inner.uploads.lock();
            slots.retain(|id, slot| matches!(slot, Slot::Busy) || inner.upload_path(id).exists());
            Ok(count)
        })
        .await
    }
}

/// An upload that was taken to compute its hash. When that fails, or its request goes away, it is as before.
struct Unread<'a> {
    store: &'a BlobStore,
    id: &'a str,
    is_read: bool,
}

impl Drop for Unread<'_> {
    fn drop(&mut self) {
        let uploads = &self.store.inner.uploads;
        if !self.is_read
            && let Some(slot) = uploads.lock().get_mut(self.id)
        {
            *slot = Slot::Stored;
        }
        uploads.freed.notify_waiters();
    }
}

fn rehash(inner: &Inner, id: &str) -> Result<Progress, BlobError> {
    let failed = BlobError::io("reading an upload");
    let mut progress = Progress { hasher: Sha256::new(), offset: 0 };
    let read = File::open(inner.upload_path(id)).and_then(|mut file| {
        let mut buffer = vec![0; REHASH_BUFFER_BYTES];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            progress.hasher.update(&buffer[..count]);
            progress.offset += count as u64;
        }
    });
    read.map_err(failed).map(|()| progress)
}

impl Upload {
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How many bytes it has; those that were appended last may still be on their way to the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Appends `chunk`, hashing and writing it elsewhere; waits only when that falls behind.
    pub async fn append(&mut self, chunk: Bytes) -> Result<(), BlobError> {
        if self.offset + chunk.len() as u64 > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge { limit: BLOB_BYTES_MAX });
        }
        if let State::Idle(progress) = &self.state {
            let permit = Arc::clone(&self.store.inner.uploads.active).acquire_owned().await;
            // The semaphore is never closed.
            let permit = permit.map_err(|_| BlobError::UploadUnknown)?;
            let worker = Worker::start(self.store.clone(), self.id.clone(), progress.clone(), permit).await?;
            self.state = State::Writing(worker);
        }
        let State::Writing(worker) = &mut self.state else { return Err(BlobError::UploadUnknown) };
        self.offset += chunk.len() as u64;
        if worker.send(chunk).await {
            return Ok(());
        }
        // The worker ended early: its error is the answer.
        self.pause().await.and(Err(BlobError::UploadUnknown))
    }

    /// Waits until everything appended is in the file; yields the offset.
    pub async fn pause(&mut self) -> Result<u64, BlobError> {
        if let State::Writing(worker) = &mut self.state {
            let (progress, outcome) = worker.finish().await;
            self.offset = progress.offset;
            self.state = State::Idle(progress);
            outcome?;
        }
        Ok(self.offset)
    }

    /// Makes it a blob, durably. With another digest than `expected` the upload stays as it is.
    pub async fn commit(mut self, expected: Option<Digest>) -> Result<(Digest, u64), BlobError> {
        let length = self.pause().await?;
        let State::Idle(progress) = &self.state else { return Err(BlobError::UploadUnknown) };
        let found = Digest::from_hasher(progress.hasher.clone());
        if let Some(expected) = expected
            && expected != found
        {
            return Err(BlobError::DigestMismatch { expected, found });
        }
        let id = self.id.clone();
        self.store
            .blocking(move |inner| {
                let path = inner.upload_path(&id);
                let file =
                    File::options().write(true).open(&path).map_err(BlobError::io("opening an upload"))?;
                file.sync_data().map_err(BlobError::io("writing a blob"))?;
                inner.settle(&file, &path, found)?;
                let _ = fs::remove_file(path.with_extension("label"));
                Ok(())
            })
            .await?;
        self.state = State::Ended;
        self.store.inner.uploads.lock().remove(&self.id);
        Ok((found, length))
    }

    /// Ends it without a blob.
    pub async fn discard(mut self) -> Result<(), BlobError> {
        // Whatever was wrong with it is of no interest any more.
        let _ = self.pause().await;
        self.state = State::Ended;
        self.store.inner.uploads.lock().remove(&self.id);
        let id = self.id.clone();
        self.store
            .blocking(move |inner| {
                let path = inner.upload_path(&id);
                found(fs::remove_file(&path))?;
                found(fs::remove_file(path.with_extension("label")))?;
                Ok(())
            })
            .await
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let progress = match std::mem::replace(&mut self.state, State::Ended) {
            State::Idle(progress) => Some(progress),
            State::Writing(worker) => worker.abandon(),
            State::Ended => None,
        };
        if let Some(progress) = progress {
            self.store.inner.uploads.give_back(&self.id, progress);
        }
    }
}

pub(crate) fn mark_used(inner: &Inner, file: &File) {
    // Only delays the expiry.
    let _ = file.set_modified(system_time(inner.clock.now()));
}
