//! Named limits. Each comment says what happens when the number is wrong.

/// A journal is sealed into a segment at this size. Higher: a longer replay at start. Lower: more segments to
/// merge.
pub const JOURNAL_BYTES_MAX: u64 = 128 << 20;
/// A journal of many tiny appends is sealed at this many blocks, because each costs 40 bytes of memory.
pub const JOURNAL_BLOCKS_MAX: usize = 65_536;
/// Journals that may wait to be sealed; the last one grows beyond its limit then.
pub const JOURNALS_MAX: usize = 4;
/// The message bytes of a sealed block. Higher: more is read for one event. Lower: a larger index.
pub const BLOCK_BYTES_TARGET: usize = 256 << 10;
/// One event with its envelope always fits into a block; a batch beyond this is cut into several blocks.
pub const BATCH_BLOCK_BYTES_MAX: usize = 1 << 20;
/// Bytes of one event. CloudWatch Logs takes 1 MiB; this only keeps 32-bit lengths honest.
pub const EVENT_BYTES_MAX: usize = 2 << 20;
/// What may wait for the writer. Appends beyond it wait for room.
pub const APPEND_QUEUE_BYTES_MAX: usize = 32 << 20;
pub const APPEND_QUEUE_LENGTH_MAX: usize = 1024;
/// One group commit. Higher: more latency under load. Lower: more flushes.
pub const COMMIT_BYTES_MAX: usize = 8 << 20;
pub const COMMIT_APPENDS_MAX: usize = 512;
/// How long opening waits for another process to let go of the store.
pub const LOCK_TRIES: u32 = 100;
pub const LOCK_TRY_WAIT: std::time::Duration = std::time::Duration::from_millis(10);
/// Bytes of a stream's or source's key.
pub const KEY_BYTES_MAX: usize = 2048;

/// Events and message bytes of one page of results.
pub const PAGE_EVENTS_MAX: usize = 10_000;
pub const PAGE_BYTES_MAX: usize = 1 << 20;
/// Message bytes that one page may look through before it answers with a cursor to go on from.
pub const PAGE_SCAN_BYTES_MAX: u64 = 4 << 30;
/// Threads that look through blocks for one page.
pub const SCAN_THREADS: usize = 2;
/// The first and the last step of a scan: small first, so that a page that fills at once stays cheap.
pub const SCAN_STEP_BYTES_FIRST: u64 = 1 << 20;
pub const SCAN_STEP_BYTES_MAX: u64 = 64 << 20;

/// Groups of events that may wait for one tail subscriber, and their bytes; more are dropped and counted.
pub const TAIL_QUEUE_LENGTH_MAX: usize = 1024;
pub const TAIL_QUEUE_BYTES_MAX: usize = 4 << 20;
/// Events that a live tail shows per second; the rest is sampled away.
pub const LIVE_TAIL_EVENTS_PER_UPDATE: usize = 500;

/// Neighbouring segments below this size are merged when there are at least so many of them.
pub const SEGMENT_SMALL_BYTES: u64 = 64 << 20;
pub const SEGMENT_SMALL_COUNT: usize = 8;
/// A segment is rewritten when less than this share (in percent) of it is alive.
pub const SEGMENT_LIVE_PERCENT_MIN: u64 = 50;

/// Bytes of a filter pattern.
pub const PATTERN_BYTES_MAX: usize = 1024;
/// Regular expressions in one JSON or space-delimited pattern.
pub const PATTERN_REGEX_MAX: usize = 2;
/// Memory of one compiled regular expression.
pub const PATTERN_REGEX_BYTES_MAX: usize = 1 << 20;
/// Nested parentheses of a pattern.
pub const PATTERN_DEPTH_MAX: usize = 64;

/// Bytes of one event as the awslogs driver sends it: 256 KiB less the 26 bytes that CloudWatch Logs counts
/// per event.
pub const DRIVER_EVENT_BYTES_MAX: usize = 262_144 - 26;
/// How long an unfinished multi-line event waits for its next line.
pub const DRIVER_FLUSH_MS: u64 = 5_000;

/// Series of metrics. More are refused: a dimension with unlimited values would fill memory and disk.
pub const SERIES_MAX: usize = 1_000_000;
/// A journal of metrics is sealed into segments at this size. Higher: more memory (about five times as much, twice while it
/// is sealed) and a longer replay at start. Lower: more and smaller segments to merge.
pub const METRIC_JOURNAL_BYTES_MAX: u64 = 16 << 20;
/// A journal is sealed at this age, so that what it holds moves to coarser tiers in time.
pub const METRIC_JOURNAL_SECS_MAX: i64 = 2 * 3600;
/// Journals of metrics that may wait to be sealed; then puts wait. Higher: more memory. Lower: no burst is taken.
pub const METRIC_JOURNALS_MAX: usize = 3;
/// Samples that may wait for the writer; puts beyond it wait for room. A put counts as `PUT_SAMPLES_MIN` at least, so that the
/// puts are bounded as well.
pub const PUT_QUEUE_SAMPLES_MAX: usize = 262_144;
pub const PUT_SAMPLES_MIN: usize = 64;
/// One group commit of metrics. Higher: more latency under load. Lower: more flushes.
pub const PUT_GROUP_SAMPLES_MAX: usize = 65_536;
/// What is put without a promise is on disk after this time.
pub const METRIC_SYNC_WAIT: std::time::Duration = std::time::Duration::from_millis(500);
/// How often the store looks for what is to be moved to a coarser tier, merged or deleted.
pub const METRIC_UPKEEP_PERIOD: std::time::Duration = std::time::Duration::from_secs(60);
/// Different values of a bucket that are kept as they are; more become a sketch.
pub const EXACT_VALUES_MAX: usize = 128;
/// The same when seconds become minutes, or minutes hours: there a sketch is smaller much earlier.
pub const EXACT_VALUES_ROLLED_MAX: usize = 32;
/// Keys of one sketch: enough for values from 1 to 10^17. Beyond it the lowest values lose their precision.
pub const SKETCH_KEYS_MAX: usize = 2048;
/// The small segments of a window are merged when there are so many. Higher: slower reads. Lower: more is rewritten.
pub const METRIC_SEGMENTS_PER_WINDOW_MAX: usize = 8;

/// Bytes of a metric math expression, as the API has it.
pub const MATH_BYTES_MAX: usize = 2048;
/// Nested parentheses and functions of an expression.
pub const MATH_DEPTH_MAX: usize = 64;
/// Series that one SEARCH finds; more are left out, as CloudWatch does.
pub const SEARCH_SERIES_MAX: usize = 500;
/// Points that FILL and TIME_SERIES may make of a range: more than any API call may return.
pub const MATH_POINTS_MAX: i64 = 200_000;

/// Commands of one query.
pub const INSIGHTS_COMMANDS_MAX: usize = 100;
/// Nested parentheses of an expression.
pub const INSIGHTS_DEPTH_MAX: usize = 64;
/// Operators of an expression below each other, as in `a or b or c`. Higher: a long expression could overflow the stack.
pub const INSIGHTS_HEIGHT_MAX: usize = 256;
/// Rows that a query keeps before its last commands, and that it answers with.
pub const INSIGHTS_ROWS_MAX: usize = 100_000;
/// Bytes of the rows that a query keeps. Lower: queries for many long messages fail. Higher: a few queries fill the memory.
pub const INSIGHTS_RESULT_BYTES_MAX: usize = 64 << 20;
/// Groups of one `stats`, and values that it keeps for percentiles and distinct counts.
pub const INSIGHTS_GROUPS_MAX: usize = 100_000;
pub const INSIGHTS_VALUES_MAX: usize = 4_000_000;
/// Fields that are found in one JSON event.
pub const INSIGHTS_FIELDS_MAX: usize = 200;
