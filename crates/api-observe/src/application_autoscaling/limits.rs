//! Named limits of Application Auto Scaling: AWS's, where it has one.

pub const PAGE_MAX: usize = 50;
pub const TARGETS_MAX: usize = 3_000;
pub const POLICIES_PER_TARGET_MAX: usize = 50;
pub const SCHEDULED_ACTIONS_PER_TARGET_MAX: usize = 200;
pub const STEP_ADJUSTMENTS_MAX: usize = 20;
pub const METRIC_QUERIES_MAX: usize = 10;
pub const DIMENSIONS_MAX: usize = 30;
pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_CHARS_MAX: usize = 128;
pub const TAG_VALUE_CHARS_MAX: usize = 256;
pub const POLICY_NAME_CHARS_MAX: usize = 256;
pub const SCHEDULED_ACTION_NAME_CHARS_MAX: usize = 256;
pub const SCHEDULE_CHARS_MAX: usize = 1_600;
/// Also of metric names, namespaces and labels.
pub const TEXT_CHARS_MAX: usize = 1_023;
