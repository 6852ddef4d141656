//! Blobs by digest: find, open, put, delete, list.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use stdx::clock::{SharedClock, Timestamp};
use stdx::random::{self, SharedRandom};
use stdx_async::supervisor;

use crate::digest::Digest;
use crate::error::BlobError;
use crate::limits::TOUCH_RESOLUTION;
use crate::upload::Uploads;

/// A blob that is open for reading; it stays readable when it is deleted meanwhile.
#[derive(Debug)]
pub struct Blob {
    pub file: File,
    pub length: u64,
}

/// One blob of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlob {
    pub digest: Digest,
    pub length: u64,
    /// When it was last pushed, or asked for by someone who may refer to it; see [`BlobStore::touch`].
    pub used_at: Timestamp,
}

/// Cloning shares the store.
#[derive(Clone, Debug)]
pub struct BlobStore {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub directory: PathBuf,
    pub clock: SharedClock,
    pub random: SharedRandom,
    pub uploads: Uploads,
    /// Held while a blob's time of use is read and either renewed or the blob is deleted for its age: what
    /// someone has just been told exists isn't deleted behind their back.
    ages: Mutex<()>,
}

impl BlobStore {
    /// Makes the directory when it doesn't exist. Blocks.
    pub fn open(directory: &Path, clock: SharedClock, random: SharedRandom) -> Result<Self, BlobError> {
        for part in ["sha256", "uploads"] {
            fs::create_dir_all(directory.join(part)).map_err(BlobError::io("making the blobs' directory"))?;
        }
        let uploads = Uploads::find(directory)?;
        let directory = directory.to_path_buf();
        Ok(Self { inner: Arc::new(Inner { directory, clock, random, uploads, ages: Mutex::new(()) }) })
    }

    /// The blob's length, if it exists.
    pub async fn length(&self, digest: Digest) -> Result<Option<u64>, BlobError> {
        self.blocking(move |inner| {
            let metadata = found(fs::metadata(inner.blob_path(digest)))?;
            Ok(metadata.map(|metadata| metadata.len()))
        })
        .await
    }

    pub async fn get(&self, digest: Digest) -> Result<Option<Blob>, BlobError> {
        self.blocking(move |inner| {
            let Some(file) = found(File::open(inner.blob_path(digest)))? else { return Ok(None) };
            let length = file.metadata().map_err(BlobError::io("reading a blob"))?.len();
            Ok(Some(Blob { file, length }))
        })
        .await
    }

    /// A small blob as a whole: a manifest. `None` when it doesn't exist.
    pub async fn read(&self, digest: Digest, bytes_max: u64) -> Result<Option<Bytes>, BlobError> {
        self.blocking(move |inner| {
            let path = inner.blob_path(digest);
            let Some(metadata) = found(fs::metadata(&path))? else { return Ok(None) };
            if metadata.len() > bytes_max {
                return Err(BlobError::TooLarge { limit: bytes_max });
            }
            Ok(found(fs::read(&path))?.map(Bytes::from))
        })
        .await
    }

    /// Stores a small blob as a whole and durably.
    pub async fn put(&self, content: Bytes) -> Result<Digest, BlobError> {
        self.blocking(move |inner| {
            let digest = Digest::of(&content);
            if inner.touch(digest)?.is_some() {
                return Ok(digest);
            }
            let path = inner.upload_path(&format!("put-{}", random::uuid(&*inner.random)));
            let written = File::create_new(&path).and_then(|mut file| {
                file.write_all(&content)?;
                file.sync_data()?;
                Ok(file)
            });
            let stored = written
                .map_err(BlobError::io("writing a blob"))
                .and_then(|file| inner.settle(&file, &path, digest));
            if stored.is_err() {
                let _ = fs::remove_file(&path);
            }
            stored.map(|()| digest)
        })
        .await
    }

    /// Says that the blob is about to be referred to, so that [`BlobStore::delete_unused_since`] leaves it
    /// alone for a while. Yields its length, if it exists.
    pub async fn touch(&self, digest: Digest) -> Result<Option<u64>, BlobError> {
        self.blocking(move |inner| inner.touch(digest)).await
    }

    /// Deletes the blob unless it was used after `cutoff`. Whether it is gone now by this call.
    pub async fn delete_unused_since(&self, digest: Digest, cutoff: Timestamp) -> Result<bool, BlobError> {
        self.blocking(move |inner| {
            let path = inner.blob_path(digest);
            let _ages = inner.ages.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(metadata) = found(fs::metadata(&path))? else { return Ok(false) };
            if used_at(&metadata) > cutoff {
                return Ok(false);
            }
            Ok(found(fs::remove_file(&path))?.is_some())
        })
        .await
    }

    /// Every blob there is. For garbage collection: it reads the whole directory.
    pub async fn list(&self) -> Result<Vec<StoredBlob>, BlobError> {
        self.blocking(|inner| {
            let mut blobs = Vec::new();
            for shard in read_directory(&inner.directory.join("sha256"))? {
                for entry in read_directory(&shard.path())? {
                    let Some(digest) = entry.file_name().to_str().and_then(Digest::from_hex) else {
                        continue;
                    };
                    if let Some(metadata) = found(entry.metadata())? {
                        let used_at = used_at(&metadata);
                        blobs.push(StoredBlob { digest, length: metadata.len(), used_at });
                    }
                }
            }
            Ok(blobs)
        })
        .await
    }

    /// Deletes every blob and every upload: for resetting an installation.
    pub async fn clear(&self) -> Result<(), BlobError> {
        self.inner.uploads.forget_all();
        self.blocking(|inner| {
            for part in ["uploads", "sha256"] {
                let path = inner.directory.join(part);
                found(fs::remove_dir_all(&path))?;
                fs::create_dir_all(&path).map_err(BlobError::io("making the blobs' directory"))?;
            }
            Ok(())
        })
        .await
    }

    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, BlobError> + Send + 'static,
    ) -> Result<T, BlobError> {
        let inner = Arc::clone(&self.inner);
        supervisor::blocking(move || work(&inner)).await
    }
}

impl Inner {
    pub fn blob_path(&self, digest: Digest) -> PathBuf {
        let digits = digest.hex();
        self.directory.join("sha256").join(&digits[..2]).join(digits)
    }

    pub fn upload_path(&self, id: &str) -> PathBuf {
        self.directory.join("uploads").join(id)
    }

    fn touch(&self, digest: Digest) -> Result<Option<u64>, BlobError> {
        let path = self.blob_path(digest);
        let _ages = self.ages.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(metadata) = found(fs::metadata(&path))? else { return Ok(None) };
        let now = self.clock.now();
        if now.since(used_at(&metadata)) > TOUCH_RESOLUTION {
            let file = File::options().write(true).open(&path).map_err(BlobError::io("opening a blob"))?;
            file.set_modified(system_time(now)).map_err(BlobError::io("marking a blob as used"))?;
        }
        Ok(Some(metadata.len()))
    }

    /// Gives a complete and synced file its place under its digest, durably.
    pub fn settle(&self, file: &File, path: &Path, digest: Digest) -> Result<(), BlobError> {
        let failed = BlobError::io("storing a blob");
        let target = self.blob_path(digest);
        let settled = (|| {
            file.set_modified(system_time(self.clock.now()))?;
            let shard = target.parent().unwrap_or(&self.directory);
            if fs::create_dir(shard).is_ok() {
                File::open(self.directory.join("sha256"))?.sync_all()?;
            }
            {
                // Replaces equal content, if the same blob was pushed before; not between the look at the
                // former's age and its deletion.
                let _ages = self.ages.lock().unwrap_or_else(PoisonError::into_inner);
                fs::rename(path, &target)?;
            }
            File::open(shard)?.sync_all()
        })();
        settled.map_err(failed)
    }
}

/// What isn't there is no error.
pub(crate) fn found<T>(outcome: io::Result<T>) -> Result<Option<T>, BlobError> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(failure) => Err(BlobError::io("reading the blobs' directory")(failure)),
    }
}

pub(crate) fn read_directory(path: &Path) -> Result<Vec<fs::DirEntry>, BlobError> {
    let failed = BlobError::io("reading the blobs' directory");
    fs::read_dir(path).and_then(|entries| entries.collect()).map_err(failed)
}

pub(crate) fn used_at(metadata: &fs::Metadata) -> Timestamp {
    let since_epoch = metadata.modified().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    Timestamp::from_millis(since_epoch.map_or(0, |at| i64::try_from(at.as_millis()).unwrap_or(i64::MAX)))
}

pub(crate) fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(0))
}
