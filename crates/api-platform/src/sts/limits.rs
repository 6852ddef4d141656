//! STS's limits, as its API reference gives them.

pub const DURATION_S_MIN: i32 = 900;
pub const ROLE_DURATION_S_MAX: i32 = 43_200;
pub const ROLE_DURATION_S_DEFAULT: i32 = 3600;
/// A role assumed by a role's session.
pub const CHAINED_DURATION_S_MAX: i32 = 3600;
pub const USER_DURATION_S_MAX: i32 = 129_600;
pub const USER_DURATION_S_DEFAULT: i32 = 43_200;
pub const ROOT_DURATION_S_MAX: i32 = 3600;

pub const SESSION_POLICY_CHARS_MAX: usize = 2048;
pub const SESSION_POLICY_ARNS_MAX: usize = 10;
pub const SESSION_TAGS_MAX: usize = 50;
