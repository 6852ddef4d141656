//! Named limits of Budgets, as on AWS but for the first.

/// Budgets of an account. Each is a sum over its period every minute; AWS allows 20,000.
pub const BUDGETS_MAX: usize = 1_000;

pub const NAME_CHARS_MAX: usize = 100;
pub const NOTIFICATIONS_MAX: usize = 10;
pub const EMAILS_MAX: usize = 10;
pub const TOPICS_MAX: usize = 1;
pub const ADDRESS_CHARS_MAX: usize = 2_147;
pub const FILTER_VALUES_MAX: usize = 500;
pub const TAGS_MAX: usize = 200;
pub const TAG_KEY_CHARS_MAX: usize = 128;
pub const TAG_VALUE_CHARS_MAX: usize = 256;
pub const PERCENTAGE_MAX: f64 = 1_000_000.0;
pub const AMOUNT_MAX: f64 = 15_000_000_000_000.0;
pub const PLANNED_LIMITS_MAX: usize = 12;
pub const PAGE_DEFAULT: usize = 100;
pub const PAGE_MAX: usize = 1_000;

/// Periods of the past that there is a history of.
pub const HISTORY_DAYS: i32 = 60;
pub const HISTORY_MONTHS: i32 = 13;
pub const HISTORY_QUARTERS: i32 = 4;
pub const HISTORY_YEARS: i32 = 1;
