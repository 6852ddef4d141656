//! Records of S3: buckets and what objects are. The objects' bytes lie in the store of blobs, under their digest.

mod bucket;
mod object;

pub use bucket::{Bucket, DELETION_MAX};
pub use object::Object;
