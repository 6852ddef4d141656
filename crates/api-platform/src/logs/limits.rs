//! Named limits of CloudWatch Logs: AWS's own unless a comment says otherwise.

use std::time::Duration;

pub const GROUP_NAME_CHARS_MAX: usize = 512;
pub const STREAM_NAME_CHARS_MAX: usize = 512;
/// Per account and region.
pub const GROUPS_MAX: usize = 1_000_000;
pub const GROUP_CLASSES: [&str; 3] = ["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"];
pub const RETENTION_DAYS: [i32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
/// Groups and streams of one page of a description.
pub const DESCRIBE_MAX: i32 = 50;
/// Groups of one page of ListLogGroups.
pub const LIST_GROUPS_MAX: i32 = 1000;
pub const GROUP_IDENTIFIERS_MAX: usize = 50;
pub const EVENTS_PER_PAGE_MAX: i32 = 10_000;
pub const STREAM_NAMES_PER_FILTER_MAX: usize = 100;
pub const FILTER_PATTERN_CHARS_MAX: usize = 1024;
/// How long a page's token is good.
pub const TOKEN_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

pub const EVENTS_PER_PUT_MAX: usize = 10_000;
pub const PUT_BYTES_MAX: usize = 1_048_576;
/// What an event counts beside its message.
pub const EVENT_OVERHEAD_BYTES: usize = 26;
pub const PUT_SPAN_MS_MAX: i64 = 24 * 3_600_000;
pub const EVENT_AGE_MAX: Duration = Duration::from_secs(14 * 24 * 3600);
pub const EVENT_LEAD_MAX: Duration = Duration::from_secs(2 * 3600);

pub const METRIC_FILTER_MESSAGES_MAX: usize = 50;

pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_CHARS_MAX: usize = 128;
pub const TAG_VALUE_CHARS_MAX: usize = 256;

pub const LIVE_TAIL_GROUPS_MAX: usize = 10;
pub const LIVE_TAIL_NAMES_MAX: usize = 100;
pub const LIVE_TAIL_UPDATE: Duration = Duration::from_secs(1);
pub const LIVE_TAIL_SESSION_MAX: Duration = Duration::from_secs(3 * 3600);

/// Records that one transaction deletes; the store takes 128 preconditions.
pub const DELETIONS_PER_TRANSACTION: usize = 100;
/// Tasks whose unfinished lines are remembered at once. One more than a node can run would never be
/// forgotten.
pub const SPOOLS_MAX: usize = 65_536;

pub const METRIC_FILTERS_PER_GROUP_MAX: usize = 100;
/// Metric filters that are kept ready. Lower: they are parsed again more often.
pub const COMPILED_FILTERS_MAX: usize = 10_000;
pub const METRIC_FILTER_NAME_CHARS_MAX: usize = 512;
pub const METRIC_NAME_CHARS_MAX: usize = 255;
pub const METRIC_VALUE_CHARS_MAX: usize = 100;
pub const METRIC_FILTER_DIMENSIONS_MAX: usize = 3;
/// 2^360: values of metrics lie between its negative and it.
pub const METRIC_VALUE_MAX: f64 = 2.348542582773833e108;
/// How often counters of incoming events, and default values of past minutes, are put into the metric store.
pub const METRIC_FLUSH_PERIOD: Duration = Duration::from_secs(2);

/// Of one event in the embedded metric format.
pub const EMBEDDED_METRICS_MAX: usize = 100;
pub const EMBEDDED_DIMENSIONS_MAX: usize = 30;
pub const EMBEDDED_VALUES_MAX: usize = 100;
pub const EMBEDDED_NAME_CHARS_MAX: usize = 1024;

pub const QUERY_CHARS_MAX: usize = 10_000;
pub const QUERY_GROUPS_MAX: usize = 50;
pub const QUERY_LIMIT_DEFAULT: i32 = 10_000;
pub const QUERY_LIMIT_MAX: i32 = 100_000;
pub const QUERY_TIME_MAX: Duration = Duration::from_secs(3600);
/// Queries of one account and region that haven't ended.
pub const QUERIES_OPEN_MAX: usize = 30;
/// Queries that read at the same time; the others wait, and are `Scheduled`. Higher: each answer comes later, and tasks get less.
pub const QUERIES_RUNNING_MAX: usize = 2;
/// Ended queries whose results are still there, and for how long. AWS keeps them for seven days; here they are memory.
pub const QUERIES_KEPT_MAX: usize = 100;
pub const QUERY_KEPT: Duration = Duration::from_secs(3600);
/// Bytes of results that are kept of all ended queries; the oldest go first.
pub const QUERY_RESULTS_BYTES_MAX: usize = 256 << 20;
/// Queries of one page of DescribeQueries and DescribeQueryDefinitions.
pub const QUERIES_PER_PAGE_MAX: i32 = 1000;
pub const QUERY_DEFINITIONS_MAX: usize = 1000;
pub const QUERY_DEFINITION_NAME_CHARS_MAX: usize = 255;
/// Events that GetLogGroupFields looks at, and how far to each side of its time.
pub const FIELDS_EVENTS_MAX: usize = 1000;
pub const FIELDS_SPAN: Duration = Duration::from_secs(15 * 60);
