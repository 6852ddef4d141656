//! Layers that no image names any more, and blobs that nothing refers to.
//!
//! A push sends layers first and the manifest that names them last, so that what nothing names may be about
//! to be named. Three things keep such a push whole: only what was neither pushed nor asked for during
//! [`crate::limits::UNUSED_LIFETIME`] is collected; a layer leaves a repository by a transaction that can't
//! pass the addition of an image; and a file's time of use is looked at again in the moment it is deleted.

use std::collections::{BTreeMap, HashMap};

use state_blobs::limits::UPLOAD_LIFETIME;
use state_blobs::{BlobError, BlobStore, Digest, StoredBlob};
use state_model::Scope;
use state_model::ecr::image::{Image, Layer};
use state_tables::repository_contents::{self as contents, Removal};
use state_tables::{State, TransactError, View};
use stdx::clock::Timestamp;

use crate::limits::UNUSED_LIFETIME;

/// What can go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Garbage {
    /// Layers by the repository they were pushed to.
    pub layers: BTreeMap<(Scope, String), Vec<String>>,
    /// Blobs that neither a repository's layer nor an image refers to.
    pub blobs: Vec<Digest>,
}

/// What a collection did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    pub layers: usize,
    pub blobs: usize,
    pub bytes: u64,
    pub uploads: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error("the registry's blobs can't be collected")]
    Blobs(#[from] BlobError),
    #[error("the registry's records can't be changed")]
    State(#[source] state_store::CommitError),
}

/// What can go according to the tables and a listing of the blobs.
pub fn find(view: &View, stored: &[StoredBlob], now: Timestamp) -> Garbage {
    let cutoff = now.minus(UNUSED_LIFETIME);
    let used: HashMap<String, Timestamp> =
        stored.iter().map(|blob| (blob.digest.to_string(), blob.used_at)).collect();
    let mut garbage = Garbage::default();
    for (_, layer) in view.ecr_layers.iter() {
        let last_use = used.get(&layer.digest).copied().unwrap_or(layer.pushed_at).max(layer.pushed_at);
        if last_use <= cutoff && !view.ecr_images.any_by(Image::BY_BLOB, &layer_key(layer)) {
            let repository = (layer.scope.clone(), layer.repository.clone());
            garbage.layers.entry(repository).or_default().push(layer.digest.clone());
        }
    }
    for blob in stored.iter().filter(|blob| blob.used_at <= cutoff) {
        let digest = blob.digest.to_string();
        let is_layer = view.ecr_layers.any_by(Layer::BY_DIGEST, &digest);
        if !is_layer && !view.ecr_images.any_by(Image::BY_DIGEST, &digest) {
            garbage.blobs.push(blob.digest);
        }
    }
    garbage
}

fn layer_key(layer: &Layer) -> String {
    state_model::ecr::key_in(&layer.scope, &layer.repository, &layer.digest)
}

/// Finds and deletes once. Blobs whose layers go now are found by the next collection.
pub async fn collect(state: &State, blobs: &BlobStore, now: Timestamp) -> Result<Collected, CollectError> {
    let mut collected = Collected {
        uploads: blobs.expire_uploads(now.minus(UPLOAD_LIFETIME)).await?,
        ..Collected::default()
    };
    let stored = blobs.list().await?;
    let garbage = find(&state.view(), &stored, now);
    for ((scope, name), digests) in &garbage.layers {
        collected.layers += digests.len();
        remove_layers(state, scope, name, digests).await?;
    }
    let lengths: HashMap<Digest, u64> = stored.iter().map(|blob| (blob.digest, blob.length)).collect();
    for digest in garbage.blobs {
        if blobs.delete_unused_since(digest, now.minus(UNUSED_LIFETIME)).await? {
            collected.blobs += 1;
            collected.bytes += lengths.get(&digest).copied().unwrap_or(0);
        }
    }
    Ok(collected)
}

async fn remove_layers(
    state: &State,
    scope: &Scope,
    name: &str,
    digests: &[String],
) -> Result<(), CollectError> {
    loop {
        let removal = state
            .transact(|view, transaction| {
                Ok::<_, std::convert::Infallible>(match contents::repository(view, scope, name) {
                    Some(repository) => contents::remove_layers(view, transaction, repository, digests),
                    None => Removal::Complete,
                })
            })
            .await;
        match removal {
            Ok(Removal::Complete) => return Ok(()),
            Ok(Removal::Unfinished) => {}
            Err(TransactError::Refused(never)) => match never {},
            Err(TransactError::Commit(failure)) => return Err(CollectError::State(failure)),
        }
    }
}
