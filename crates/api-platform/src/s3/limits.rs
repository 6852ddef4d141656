//! Every bound of S3, with what happens when it is wrong.

use std::time::Duration;

/// Buckets of one account, as on AWS. Each is a row in memory.
pub const BUCKETS_MAX: usize = 10_000;

/// Objects of all buckets together. Each is a row in memory, of about a kilobyte.
pub const OBJECTS_MAX: usize = 1_000_000;

/// Bytes of user metadata of an object: names and values, as on AWS.
pub const METADATA_BYTES_MAX: usize = 2048;

/// Bytes of the system headers of an object that are kept: each row lies in memory.
pub const HEADERS_BYTES_MAX: usize = 8192;

/// Objects of one page of a listing, as on AWS.
pub const PAGE_KEYS_MAX: usize = 1000;

/// Objects that one DeleteObjects names, as on AWS.
pub const DELETED_KEYS_MAX: usize = 1000;

/// Objects that one transaction deletes: each costs one precondition and one write, and the store bounds both.
pub const DELETED_PER_COMMIT_MAX: usize = 50;

/// How long bytes stay that no object refers to (any more). It must outlast the request that stores the bytes
/// before it commits the object, and the steps in which the store of blobs notes its times of use.
pub const UNUSED_LIFETIME: Duration = Duration::from_hours(1);
