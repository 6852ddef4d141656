//! Named limits of the API edge.

use std::time::Duration;

/// Bytes of an API request's body. The largest that AWS allows is a layer part of ECR: 20 MiB in base64.
pub const REQUEST_BODY_BYTES_MAX: usize = 30 * 1024 * 1024;

/// How long a client may take to send its body. Too short cuts slow links off, too long lets them pile up.
pub const REQUEST_BODY_TIME_MAX: Duration = Duration::from_secs(60);

/// What a gzip body may become. Higher: a request of a few kilobytes can take more memory. A request of CloudWatch holds 1 MB.
pub const GZIP_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes up to which a body counts as small. Small ones take nothing from the budget of [`REQUEST_BODIES_BYTES_MAX`]: the
/// limit of connections bounds them. Larger lets idle clients hold more memory; smaller makes ordinary calls queue.
pub const SMALL_BODY_BYTES_MAX: usize = 64 * 1024;

/// Bytes of large request bodies read into memory at once, over all connections: beyond it they wait for their turn.
pub const REQUEST_BODIES_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Accounts and regions that a client may bring to life by signing for them. Each costs a VPC and its names.
pub const REGIONS_MAX: usize = 256;

/// How long requests in flight get to end when the server stops.
pub const DRAIN_MAX: Duration = Duration::from_secs(5);

/// How long `down` waits for tasks to end by their stop signal before it removes them by force.
pub const DOWN_GRACE: Duration = Duration::from_secs(2);

/// How long a balancer gets to answer after its start. Too short ends one on a slow machine again and again.
pub const BALANCER_START_MAX: Duration = Duration::from_secs(10);

/// How long its processes get to end after they were killed.
pub const BALANCER_END_MAX: Duration = Duration::from_secs(2);

/// How long the balancer may be out of reach before its load balancers are told as failed. It serves meanwhile, if it runs:
/// too short tells failures that nobody sees, too long hides real ones.
pub const BALANCER_SILENCE_MAX: Duration = Duration::from_secs(10);

/// Seconds that requests in flight get when a balancer of another version is replaced.
pub const BALANCER_DRAIN_SECS: u32 = 60;

/// Bytes of the balancer's own log before the next start begins a new one.
pub const BALANCER_LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Between two looks for finished access logs. They come every five minutes: longer only adds to that.
pub const ACCESS_LOG_PERIOD: Duration = Duration::from_secs(5);

/// Between two rounds of upkeep: retention of logs, garbage of images and layers, expiry of uploads.
pub const MAINTENANCE_PERIOD: Duration = Duration::from_secs(60);
