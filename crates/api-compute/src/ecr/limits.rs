//! Every bound of ECR's operations, as AWS states them.

pub const PAGE_DEFAULT: usize = 100;
pub const PAGE_MAX: usize = 1000;
/// Images, layers or repositories that one request names.
pub const BATCH_MAX: usize = 100;
pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_LENGTH_MAX: usize = 128;
pub const TAG_VALUE_LENGTH_MAX: usize = 256;
pub const EXCLUSIONS_MAX: usize = 5;
pub const EXCLUSION_LENGTH_MAX: usize = 128;
pub const EXCLUSION_WILDCARDS_MAX: usize = 2;
pub const REPOSITORY_POLICY_BYTES_MAX: usize = 10_240;
/// Repositories of one account and region. Each is held in memory.
pub const REPOSITORIES_MAX: usize = 100_000;
/// What `InitiateLayerUpload` proposes, and the largest part that is taken.
pub const LAYER_PART_BYTES: i64 = 20 * 1024 * 1024;
