//! S3: buckets, and objects that arrive in one request.
//!
//! What buckets and objects are lives in the state; their bytes in a store of blobs of their own, by digest.
//! Multipart uploads, versions, policies, ACLs and the other sub-resources are refused.

use api_auth::Context;
use state_blobs::BlobStore;
use wire_protocols::ServiceTable;
use wire_shapes_platform::s3::{self, operations};

mod checksums;
mod conditions;
pub mod copy_object;
pub mod create_bucket;
pub mod delete_bucket;
pub mod delete_object;
pub mod delete_objects;
pub mod deliver;
mod errors;
mod find;
pub mod garbage;
pub mod get_bucket_location;
pub mod get_object;
pub mod head_bucket;
pub mod head_object;
pub mod limits;
pub mod list_buckets;
pub mod list_objects;
pub mod list_objects_v2;
mod listing;
pub mod put_object;
mod range;
pub mod read_object;
mod store;

/// What S3's handlers need besides the request.
#[derive(Debug)]
pub struct S3 {
    pub objects: BlobStore,
}

pub fn table() -> ServiceTable<Context<S3>> {
    ServiceTable::new(&s3::SERVICE)
        .operation::<operations::CreateBucket, _, _>(create_bucket::create_bucket)
        .operation::<operations::DeleteBucket, _, _>(delete_bucket::delete_bucket)
        .operation::<operations::HeadBucket, _, _>(head_bucket::head_bucket)
        .operation::<operations::ListBuckets, _, _>(list_buckets::list_buckets)
        .operation::<operations::GetBucketLocation, _, _>(get_bucket_location::get_bucket_location)
        .operation::<operations::PutObject, _, _>(put_object::put_object)
        .operation::<operations::CopyObject, _, _>(copy_object::copy_object)
        .operation::<operations::GetObject, _, _>(get_object::get_object)
        .operation::<operations::HeadObject, _, _>(head_object::head_object)
        .operation::<operations::DeleteObject, _, _>(delete_object::delete_object)
        .operation::<operations::DeleteObjects, _, _>(delete_objects::delete_objects)
        .operation::<operations::ListObjects, _, _>(list_objects::list_objects)
        .operation::<operations::ListObjectsV2, _, _>(list_objects_v2::list_objects_v2)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_a_handler() {
        assert_eq!(super::table().missing(), Vec::<&str>::new());
    }
}
