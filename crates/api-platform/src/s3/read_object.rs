//! Reading an object on behalf of a task: not an operation of the API, but what the task's node does with the execution
//! role.

use api_auth::Principal;
use api_auth::context::access_denied;
use bytes::Bytes;
use state_blobs::BlobStore;
use state_model::s3::{Bucket, Object};
use state_tables::View;
use wire_schema::ServiceError;

use super::errors::{invalid_request, no_such_bucket, no_such_key};
use super::get_object;

/// The object as `principal` gets it, up to `bytes_max`.
pub async fn read_object(
    view: &View,
    objects: &BlobStore,
    principal: &Principal,
    (bucket, name): (&str, &str),
    bytes_max: u64,
) -> Result<Bytes, ServiceError> {
    let found = view.s3_buckets.get(bucket).ok_or_else(|| no_such_bucket(bucket))?;
    if found.scope.account != principal.account() || !principal.exists(view) {
        return Err(access_denied(principal, "s3:GetBucketLocation", &Bucket::arn_of(bucket)));
    }
    let object = view.s3_objects.get(&Object::key_of(bucket, name)).ok_or_else(|| no_such_key(name))?;
    if object.length > bytes_max {
        return Err(invalid_request(format!("The object is larger than {bytes_max} bytes.")));
    }
    get_object::read(objects, object, 0..object.length).await
}
