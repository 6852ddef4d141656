//! Named limits of alarms: AWS's own unless a comment says otherwise.

pub const NAME_CHARS_MAX: usize = 255;
pub const DESCRIPTION_CHARS_MAX: usize = 1024;
pub const ACTIONS_MAX: usize = 5;
pub const ACTION_CHARS_MAX: usize = 1024;
/// Per account and region: AWS's default quota.
pub const ALARMS_MAX: usize = 5_000;
pub const NAMES_PER_CALL_MAX: usize = 100;
pub const RECORDS_MAX: i32 = 100;
/// Of one page of DescribeAlarms, when nothing else was asked for.
pub const ALARMS_PER_PAGE: usize = 50;

pub const DIMENSIONS_MAX: usize = 30;
pub const METRIC_CHARS_MAX: usize = 255;
/// Of metric math: metrics, and queries altogether.
pub const METRICS_MAX: usize = 10;
pub const QUERIES_MAX: usize = 20;
pub const EXPRESSION_CHARS_MAX: usize = 2048;

/// Seconds that all periods of an alarm may span, by whether its period is an hour or more.
pub const SPAN_SHORT_MAX: u64 = 86_400;
pub const SPAN_LONG_MAX: u64 = 604_800;

pub const RULE_CHARS_MAX: usize = 10_240;
/// Composite alarms that may name one alarm.
pub const PARENTS_MAX: usize = 150;
/// Seconds that a suppressor may be waited for. AWS has no bound of its own; a year keeps times in range.
pub const SUPPRESSOR_SECS_MAX: i32 = 31_536_000;

pub const STATE_REASON_CHARS_MAX: usize = 1023;
pub const STATE_REASON_DATA_CHARS_MAX: usize = 4000;

pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_CHARS_MAX: usize = 128;
pub const TAG_VALUE_CHARS_MAX: usize = 256;

/// Alarms that one transaction deletes or changes: each costs up to four of the store's 128 writes and preconditions, and old
/// items of its history.
pub const ALARMS_PER_TRANSACTION: usize = 8;
