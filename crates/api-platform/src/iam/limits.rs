//! IAM's quotas, as "IAM and AWS STS quotas" in the IAM User Guide gives them.

pub const USER_NAME_CHARS_MAX: usize = 64;
pub const ROLE_NAME_CHARS_MAX: usize = 64;
pub const POLICY_NAME_CHARS_MAX: usize = 128;
pub const PATH_CHARS_MAX: usize = 512;
pub const DESCRIPTION_CHARS_MAX: usize = 1000;

pub const USERS_MAX: usize = 5000;
pub const ROLES_MAX: usize = 1000;
pub const POLICIES_MAX: usize = 1500;
pub const ACCESS_KEYS_PER_USER_MAX: usize = 2;
pub const ATTACHED_POLICIES_MAX: usize = 10;
pub const POLICY_VERSIONS_MAX: usize = 5;
pub const TAGS_MAX: usize = 50;

/// Characters without white space.
pub const MANAGED_POLICY_CHARS_MAX: usize = 6144;
pub const USER_POLICIES_CHARS_MAX: usize = 2048;
pub const ROLE_POLICIES_CHARS_MAX: usize = 10_240;
pub const TRUST_POLICY_CHARS_MAX: usize = 2048;

pub const PAGE_ITEMS_DEFAULT: usize = 100;
pub const PAGE_ITEMS_MAX: i32 = 1000;

pub const SESSION_DURATION_S_MIN: i32 = 3600;
pub const SESSION_DURATION_S_MAX: i32 = 43_200;
