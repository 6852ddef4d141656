//! Which uploads there are, and which of them a request has.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::Sha256;
use tokio::sync::{Notify, Semaphore};

use crate::error::BlobError;
use crate::limits::{BUSY_WAIT_MAX, UPLOADS_ACTIVE_MAX};
use crate::store::{found, read_directory};

/// How far an upload is. The hash can't be stored: after a restart it is computed again from the file.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub hasher: Sha256,
    pub offset: u64,
}

#[derive(Debug)]
pub(super) enum Slot {
    /// A request has it.
    Busy,
    Idle(Progress),
    /// Found on the disk at start: its hash is not known yet.
    Stored,
}

#[derive(Debug)]
pub(crate) struct Uploads {
    slots: Mutex<HashMap<String, Slot>>,
    pub(super) active: Arc<Semaphore>,
    /// Told when a request gives an upload back.
    pub(super) freed: Notify,
}

impl Uploads {
    pub fn find(directory: &Path) -> Result<Self, BlobError> {
        let mut slots = HashMap::new();
        for entry in read_directory(&directory.join("uploads"))? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("put-") {
                // A blob that was put when the process ended: nobody can continue it.
                found(fs::remove_file(entry.path()))?;
            } else if !name.ends_with(".label") {
                slots.insert(name, Slot::Stored);
            }
        }
        Ok(Self {
            slots: Mutex::new(slots),
            active: Arc::new(Semaphore::new(UPLOADS_ACTIVE_MAX)),
            freed: Notify::new(),
        })
    }

    pub fn forget_all(&self) {
        self.lock().clear();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives an upload back after a request, unless it was discarded meanwhile.
    pub(super) fn give_back(&self, id: &str, progress: Progress) {
        if let Some(slot) = self.lock().get_mut(id) {
            *slot = Slot::Idle(progress);
        }
        self.freed.notify_waiters();
    }

    /// Takes an upload for one request, waiting a little for one that ends: what a broken request sent last
    /// may still be on its way to the file when its client comes again.
    pub(super) async fn take(&self, id: &str) -> Result<Option<Progress>, BlobError> {
        let taken = async {
            loop {
                let mut freed = pin!(self.freed.notified());
                freed.as_mut().enable();
                match self.try_take(id) {
                    Err(BlobError::UploadBusy) => freed.await,
                    outcome => return outcome,
                }
            }
        };
        tokio::time::timeout(BUSY_WAIT_MAX, taken).await.unwrap_or(Err(BlobError::UploadBusy))
    }

    /// Without a progress when the hash must be computed first.
    fn try_take(&self, id: &str) -> Result<Option<Progress>, BlobError> {
        let mut slots = self.lock();
        let slot = slots.get_mut(id).ok_or(BlobError::UploadUnknown)?;
        match std::mem::replace(slot, Slot::Busy) {
            Slot::Busy => Err(BlobError::UploadBusy),
            Slot::Idle(progress) => Ok(Some(progress)),
            Slot::Stored => Ok(None),
        }
    }
}
