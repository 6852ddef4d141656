//! Named limits of SNS. Those of AWS unless a comment says otherwise.

use std::time::Duration;

/// Topics of an account in a region.
pub const TOPICS_MAX: usize = 100_000;

/// AWS has 12.5 million. Each message costs one write per subscription: more would hold up the topics behind it.
pub const SUBSCRIPTIONS_PER_TOPIC_MAX: usize = 12_500;

/// Rows of a page of any list.
pub const PAGE_ROWS: usize = 100;

/// Bytes of a message with its attributes.
pub const MESSAGE_BYTES_MAX: usize = 262_144;
pub const MESSAGE_BYTES_MAX_LEAST: u32 = 1_024;

pub const SUBJECT_CHARS_MAX: usize = 100;
pub const BATCH_ENTRIES_MAX: usize = 10;
pub const BATCH_ID_CHARS_MAX: usize = 80;
pub const FIFO_ID_CHARS_MAX: usize = 128;

pub const DISPLAY_NAME_CHARS_MAX: usize = 100;
pub const ENDPOINT_CHARS_MAX: usize = 2_048;

pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_CHARS_MAX: usize = 128;
pub const TAG_VALUE_CHARS_MAX: usize = 256;

/// How long a confirmation's token is valid.
pub const TOKEN_LIFE: Duration = Duration::from_secs(2 * 86_400);

/// Messages that no subscriber was given yet. AWS throttles by rate; here it is the backlog that counts: more would be
/// memory that waits.
pub const PENDING_MESSAGES_MAX: usize = 10_000;

/// Statements of a policy.
pub const STATEMENTS_MAX: usize = 100;

/// Subscriptions that go in the same commit as their topic; the rest is orphaned, and cleaned away after it.
pub const SUBSCRIPTIONS_DELETED_AT_ONCE_MAX: usize = 100;
