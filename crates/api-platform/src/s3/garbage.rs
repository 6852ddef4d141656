//! Bytes that no object refers to any more.
//!
//! They are stored before the object that refers to them is committed; only what wasn't used for a while goes, and
//! the time of use is looked at again in the moment of the deletion.

use state_blobs::{BlobError, BlobStore};
use state_model::s3::Object;
use state_tables::State;
use stdx::clock::Timestamp;

use super::limits::UNUSED_LIFETIME;

/// Finds and deletes once; yields how many blobs went.
pub async fn collect(state: &State, objects: &BlobStore, now: Timestamp) -> Result<usize, BlobError> {
    let cutoff = now.minus(UNUSED_LIFETIME);
    // Leftovers of puts that broke off between the file and its place.
    objects.expire_uploads(cutoff).await?;
    let stored = objects.list().await?;
    let mut deleted = 0;
    for blob in stored.into_iter().filter(|blob| blob.used_at <= cutoff) {
        let is_used = state.view().s3_objects.any_by(Object::BY_DIGEST, &blob.digest.to_string());
        if !is_used && objects.delete_unused_since(blob.digest, cutoff).await? {
            deleted += 1;
        }
    }
    Ok(deleted)
}
