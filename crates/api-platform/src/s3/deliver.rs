//! Putting an object on behalf of a service: not an operation of the API, but what log delivery does with a bucket of the
//! account that has asked for it.

use std::collections::BTreeMap;

use api_auth::context::transact_error;
use bytes::Bytes;
use state_blobs::{BlobStore, Digest};
use state_model::s3::Object;
use state_tables::State;
use stdx::clock::Timestamp;
use wire_protocols::checksum;
use wire_schema::ServiceError;

use super::errors::{no_such_bucket, not_stored, operation_aborted};
use super::limits::OBJECTS_MAX;
use super::put_object;
use super::store::check_object;

/// Writes the object, whatever has its name now.
///
/// # Errors
/// `NoSuchBucket` when the account has none of this name.
pub async fn deliver(
    state: &State,
    objects: &BlobStore,
    account: &str,
    (bucket, name): (&str, &str),
    (content_type, content): (&str, Bytes),
    now: Timestamp,
) -> Result<(), ServiceError> {
    // The checksum that S3 makes when none is asked for.
    let checksum = ("crc64nvme", checksum::compute("crc64nvme", &content).unwrap_or_default());
    let object = Object {
        bucket: bucket.to_owned(),
        name: name.to_owned(),
        length: content.len() as u64,
        digest: Digest::of(&content).to_string(),
        etag: put_object::etag(&content),
        modified_at: now,
        checksum: (checksum.0.to_owned(), checksum.1),
        headers: BTreeMap::from([(String::from("content-type"), content_type.to_owned())]),
        metadata: BTreeMap::new(),
    };
    check_object(&object)?;
    objects.put(content).await.map_err(not_stored)?;
    let delivered = state.transact(|view, transaction| {
        let found = view.s3_buckets.get(bucket).filter(|found| found.scope.account == account);
        let found = found.ok_or_else(|| no_such_bucket(bucket))?;
        if found.is_being_deleted(now) {
            return Err(operation_aborted());
        }
        if view.s3_objects.len() >= OBJECTS_MAX {
            let message = format!("This installation holds {OBJECTS_MAX} objects, which is its limit.");
            return Err(ServiceError::service("ServiceUnavailable", message).with_status(503));
        }
        // Against a deletion of the bucket that is announced meanwhile.
        transaction.expect(found);
        transaction.put(&object);
        Ok(())
    });
    delivered.await.map_err(transact_error)
}
