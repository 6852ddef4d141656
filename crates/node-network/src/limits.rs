//! Every limit of this crate, with what happens when it is too low or too high.

use std::time::Duration;

/// Requests waiting for one VPC's thread. Callers beyond it wait their turn.
pub const VPC_QUEUE_LENGTH_MAX: usize = 1024;

/// Requests answered by one nftables transaction. More makes the first of a burst wait for the last.
pub const BATCH_LENGTH_MAX: usize = 16;

/// Orders waiting for the thread that prepares task namespaces.
pub const READY_QUEUE_LENGTH_MAX: usize = 4096;

/// Prepared namespaces are made only after this long without an order, so that they never delay one.
pub const READY_REFILL_QUIET: Duration = Duration::from_millis(3);

/// How often, and how many times, a new link is asked whether it sends: two seconds in all.
pub const LINK_POLL_PERIOD: Duration = Duration::from_micros(100);
pub const LINK_POLLS_MAX: usize = 20_000;

/// The netlink receive buffer. A dump sends at most 32 KiB at a time.
pub const NETLINK_BUFFER_BYTES: usize = 64 * 1024;

/// Interfaces whose task is gone are deleted in one batch when there are this many, or when the VPC is idle.
pub const DEAD_LINKS_MAX: usize = 64;

/// How often each VPC looks for leftovers.
pub const MAINTENANCE_PERIOD: Duration = Duration::from_secs(1);

/// Detached addresses whose connections are forgotten in one such round. Each is a walk of the host's whole
/// table of connections; one that is wanted again before its turn is done at once.
pub const RELEASED_PER_ROUND: usize = 4;

/// Interfaces in the VPC and on its tasks: what AWS offers inside a VPC.
pub const MTU_BYTES: u32 = 9001;

/// Towards the world: what AWS's internet gateway carries, and what an ordinary Ethernet carries.
pub const MTU_OUTSIDE_BYTES: u32 = 1500;

/// Identifiers end up in file names and nftables names.
pub const IDENTIFIER_LENGTH_MAX: usize = 64;

/// DNS questions being forwarded at once per VPC; beyond it the answer is SERVFAIL.
pub const DNS_FORWARDS_MAX: usize = 512;

/// TCP connections to one resolver address.
pub const DNS_CONNECTIONS_MAX: usize = 128;

/// How long one upstream server may take.
pub const DNS_UPSTREAM_TIMEOUT: Duration = Duration::from_secs(2);

/// A TCP client that asks nothing for this long is let go.
pub const DNS_IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Upstream servers asked in turn, as in the C library.
pub const DNS_UPSTREAMS_MAX: usize = 3;

/// A UDP answer without EDNS may not be longer.
pub const DNS_UDP_BYTES: usize = 512;
