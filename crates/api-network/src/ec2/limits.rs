//! EC2's quotas and the sizes of its requests.

/// Rules of one security group and one direction: AWS's default quota.
pub const RULES_PER_DIRECTION_MAX: usize = 60;

/// Security groups of one account and region: AWS's default quota.
pub const SECURITY_GROUPS_MAX: usize = 2500;

pub const GROUP_NAME_LENGTH_MAX: usize = 255;
pub const DESCRIPTION_LENGTH_MAX: usize = 255;

pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_LENGTH_MAX: usize = 127;
pub const TAG_VALUE_LENGTH_MAX: usize = 255;

/// Resources that one CreateTags or DeleteTags names.
pub const TAGGED_RESOURCES_MAX: usize = 1000;

/// Values of all filters of a request.
pub const FILTER_VALUES_MAX: usize = 200;

/// A page's length when the caller names none, and at most.
pub const PAGE_MAX: usize = 1000;
pub const PAGE_MIN: usize = 5;

/// Identifiers that one request names.
pub const IDS_MAX: usize = 1000;
