//! What is kept on disk.
//!
//! ```text
//! blobs/sha256/<hex>     manifests, indexes and configs, verified whenever they are read
//! layers/<hex>/fs        an unpacked layer, named by the digest of its archive
//! layers/<hex>/layer.json
//! images/<hex>.json      one image: its manifest's digest, its layers, when it was last used
//! leases/<owner>.json    images that an owner needs, across restarts
//! ingest/<random>        what is being unpacked; emptied at every start
//! ```
//!
//! A layer is unpacked in `ingest/` and appears in `layers/` by one rename after its digests were checked, so
//! a process that dies leaves none half done. A machine that loses its power may: its file system may write
//! the rename before the contents. Waiting for the disk would delay every first start of a task, so a layer's
//! record holds the boot it was made in until a `syncfs` has passed in the background; a layer from an
//! earlier boot without that mark is thrown away.

mod files;
mod lease;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;
use stdx::random::{self, SharedRandom};
use tracing::{info, warn};

use crate::digest::Digest;
use crate::error::Cause;

#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    boot: String,
    random: SharedRandom,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LayerRecord {
    pub diff_id: Digest,
    pub bytes: u64,
    pub entries: u64,
    /// The boot that unpacked it; absent once it is known to be on the disk.
    pub unsynced_since_boot: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImageRecord {
    pub manifest: Digest,
    pub config: Digest,
    /// Indexes by which the image was reached.
    pub indexes: BTreeSet<Digest>,
    pub layers: Vec<Digest>,
    pub used_at: Timestamp,
}

/// A directory of `ingest/`, removed unless it was committed.
#[derive(Debug)]
pub struct Ingest {
    path: PathBuf,
    committed: bool,
}

impl Store {
    pub fn open(directory: &Path, random: SharedRandom) -> Result<Self, Cause> {
        for folder in ["blobs/sha256", "layers", "images", "leases", "ingest"] {
            let path = directory.join(folder);
            files::make_directory(&path).map_err(Cause::store("mkdir", &path))?;
        }
        let boot =
            std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned();
        let store = Self { directory: directory.to_owned(), boot, random };
        store.empty_ingest()?;
        store.drop_unsynced_layers()?;
        Ok(store)
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The verified bytes of a blob; a damaged one counts as absent.
    pub fn blob(&self, digest: &Digest) -> Option<Vec<u8>> {
        let bytes = std::fs::read(self.blob_path(digest)).ok()?;
        (Digest::of(&bytes) == *digest).then_some(bytes)
    }

    pub fn put_blob(&self, digest: &Digest, bytes: &[u8]) -> Result<(), Cause> {
        self.write(&self.blob_path(digest), bytes)
    }

    pub fn blobs(&self) -> io::Result<Vec<Digest>> {
        let names = files::names(&self.directory.join("blobs/sha256"))?;
        Ok(names.iter().filter_map(|name| format!("sha256:{name}").parse().ok()).collect())
    }

    pub fn layer_root(&self, diff_id: &Digest) -> PathBuf {
        self.layer_path(diff_id).join("fs")
    }

    /// The record of a complete layer.
    pub fn layer(&self, diff_id: &Digest) -> Option<LayerRecord> {
        files::read_json(&self.layer_path(diff_id).join("layer.json"))
    }

    pub fn layers(&self) -> io::Result<Vec<Digest>> {
        let names = files::names(&self.directory.join("layers"))?;
        Ok(names.iter().filter_map(|name| format!("sha256:{name}").parse().ok()).collect())
    }

    pub fn begin(&self) -> Result<Ingest, Cause> {
        let path = self.temporary();
        let made = files::make_directory(&path).and_then(|()| files::make_root(&path.join("fs")));
        let ingest = Ingest { path, committed: false };
        made.map_err(Cause::store("mkdir", &ingest.path))?;
        Ok(ingest)
    }

    /// Makes an unpacked layer visible.
    pub fn commit(
        &self,
        mut ingest: Ingest,
        diff_id: Digest,
        bytes: u64,
        entries: u64,
    ) -> Result<LayerRecord, Cause> {
        let record = LayerRecord { diff_id, bytes, entries, unsynced_since_boot: Some(self.boot.clone()) };
        let note = ingest.path.join("layer.json");
        files::write_json(&note, &record).map_err(Cause::store("write", &note))?;
        let target = self.layer_path(&diff_id);
        match std::fs::rename(&ingest.path, &target) {
            Ok(()) => ingest.committed = true,
            // Somebody else unpacked the same content meanwhile: theirs is as good.
            Err(_) if self.layer(&diff_id).is_some() => {}
            Err(failure) => return Err(Cause::store("rename", &target)(failure)),
        }
        Ok(record)
    }

    /// Waits until everything is on the disk, then says so in the records of `layers`.
    pub fn sync(&self, layers: &[Digest]) -> io::Result<()> {
        rustix::fs::syncfs(std::fs::File::open(&self.directory)?)?;
        for diff_id in layers {
            if let Some(mut record) = self.layer(diff_id)
                && record.unsynced_since_boot.take().is_some()
            {
                let text = serde_json::to_vec(&record)?;
                files::replace(&self.temporary(), &self.layer_path(diff_id).join("layer.json"), &text)?;
            }
        }
        Ok(())
    }

    pub fn image(&self, manifest: &Digest) -> Option<ImageRecord> {
        files::read_json(&self.image_path(manifest))
    }

    pub fn put_image(&self, record: &ImageRecord) -> Result<(), Cause> {
        let path = self.image_path(&record.manifest);
        let text =
            serde_json::to_vec(record).map_err(|failure| Cause::store("write", &path)(failure.into()))?;
        self.write(&path, &text)
    }

    pub fn images(&self) -> io::Result<Vec<ImageRecord>> {
        let folder = self.directory.join("images");
        Ok(files::names(&folder)?.iter().filter_map(|name| files::read_json(&folder.join(name))).collect())
    }

    pub fn remove_image(&self, manifest: &Digest) -> io::Result<()> {
        std::fs::remove_file(self.image_path(manifest))
    }

    pub fn remove_blob(&self, digest: &Digest) -> io::Result<()> {
        std::fs::remove_file(self.blob_path(digest))
    }

    /// Takes a layer out of sight at once; dropping the answer deletes it, which may take long.
    pub fn detach_layer(&self, diff_id: &Digest) -> io::Result<Ingest> {
        let path = self.temporary();
        std::fs::rename(self.layer_path(diff_id), &path)?;
        Ok(Ingest { path, committed: false })
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Cause> {
        files::replace(&self.temporary(), path, bytes).map_err(Cause::store("write", path))
    }

    fn temporary(&self) -> PathBuf {
        self.directory.join("ingest").join(random::hex(&*self.random, 20))
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.directory.join("blobs/sha256").join(digest.hex())
    }

    fn layer_path(&self, diff_id: &Digest) -> PathBuf {
        self.directory.join("layers").join(diff_id.hex())
    }

    fn image_path(&self, manifest: &Digest) -> PathBuf {
        self.directory.join("images").join(format!("{}.json", manifest.hex()))
    }

    fn empty_ingest(&self) -> Result<(), Cause> {
        let folder = self.directory.join("ingest");
        for name in files::names(&folder).map_err(Cause::store("reading", &folder))? {
            let path = folder.join(name);
            files::remove(&path).map_err(Cause::store("remove", &path))?;
        }
        Ok(())
    }

    fn drop_unsynced_layers(&self) -> Result<(), Cause> {
        let folder = self.directory.join("layers");
        for diff_id in self.layers().map_err(Cause::store("reading", &folder))? {
            let record = self.layer(&diff_id);
            let unsure =
                record.is_none_or(|record| record.unsynced_since_boot.is_some_and(|boot| boot != self.boot));
            if unsure {
                info!(%diff_id, "dropping a layer that may not have reached the disk");
                let path = self.layer_path(&diff_id);
                files::remove(&path).map_err(Cause::store("remove", &path))?;
            }
        }
        Ok(())
    }
}

impl Ingest {
    /// Where the layer's files go.
    pub fn root(&self) -> PathBuf {
        self.path.join("fs")
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        if !self.committed
            && let Err(failure) = files::remove(&self.path)
        {
            warn!(path = %self.path.display(), %failure, "an unfinished layer could not be removed");
        }
    }
}
