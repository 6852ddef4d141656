//! The named limits of this crate.

use std::time::Duration;

/// How long a target may take to accept a connection: the load balancer answers 504 afterwards, as on AWS.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Lines that wait for the disk. Higher costs memory when the disk hangs (about 1 KiB each); lower drops lines in bursts.
pub const ACCESS_LOG_QUEUE_LINES_MAX: usize = 65_536;
