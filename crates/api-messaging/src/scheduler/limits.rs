//! Named limits of the scheduler.

/// Of a region. AWS allows a million; here each is kept in memory with its next time.
pub const SCHEDULES_MAX: usize = 100_000;

/// Of a region, as AWS has it.
pub const GROUPS_MAX: usize = 500;

/// Of a group.
pub const TAGS_MAX: usize = 200;

/// Bytes of a target's input, as AWS has it.
pub const INPUT_BYTES_MAX: usize = 256 * 1024;
