//! Named limits of Cost Explorer.

/// Groups, and periods without any, that one answer of GetCostAndUsage holds; the last period is whole.
pub const ROWS_PER_PAGE: usize = 400;

/// Values that one answer holds where the request doesn't say.
pub const VALUES_PER_PAGE: usize = 1000;

/// As on AWS.
pub const GROUP_BY_MAX: usize = 2;
pub const HOURLY_DAYS_MAX: i32 = 14;
pub const MONTHS_MAX: i32 = 14;
pub const TAG_STATUS_ENTRIES_MAX: usize = 20;
pub const TAGS_PER_PAGE_DEFAULT: usize = 100;
pub const TAGS_PER_PAGE_MAX: usize = 1000;
pub const ACTIVE_TAGS_MAX: usize = 500;
pub const TAG_KEY_CHARS_MAX: usize = 1024;
