//! Named limits of CloudWatch: AWS's own unless a comment says otherwise.

use std::time::Duration;

pub const DATA_PER_PUT_MAX: usize = 1000;
pub const VALUES_PER_DATUM_MAX: usize = 150;
pub const DIMENSIONS_MAX: usize = 30;
pub const NAME_CHARS_MAX: usize = 255;
pub const DIMENSION_VALUE_CHARS_MAX: usize = 1024;
/// 2^360: values lie between its negative and it.
pub const VALUE_MAX: f64 = 2.348542582773833e108;
pub const SAMPLE_AGE_MAX: Duration = Duration::from_secs(14 * 24 * 3600);
pub const SAMPLE_LEAD_MAX: Duration = Duration::from_secs(2 * 3600);

pub const QUERIES_MAX: usize = 500;
pub const DATA_POINTS_MAX: usize = 100_800;
pub const STATISTICS_POINTS_MAX: i64 = 1440;
pub const STATISTICS_MAX: usize = 5;
pub const EXTENDED_STATISTICS_MAX: usize = 10;
/// Periods that all queries of a request may go over together. A bound of ours on the work of one request: AWS bounds the
/// points of a page, and computes the rest again for each page.
pub const PERIODS_MAX: i64 = 20_000_000;
pub const EXPRESSION_CHARS_MAX: usize = 2048;

pub const METRICS_PER_PAGE: usize = 500;
pub const RECENTLY_ACTIVE: Duration = Duration::from_secs(3 * 3600);
/// Metrics without a data point for this long aren't listed.
pub const LISTED_AGE_MAX: Duration = Duration::from_secs(14 * 24 * 3600);

/// Bytes of a dashboard's body: what the state store takes for a record, with room for its escapes.
pub const DASHBOARD_BYTES_MAX: usize = 200 * 1024;
pub const DASHBOARDS_MAX: usize = 5000;
pub const DASHBOARDS_PER_PAGE: usize = 1000;
pub const WIDGETS_MAX: usize = 500;
pub const TAGS_MAX: usize = 50;
/// Of a widget's definition.
pub const WIDGET_CHARS_MAX: usize = 64 * 1024;
