//! The named limits of this crate.

use std::time::Duration;

/// How long a target may take to accept a connection: the load balancer answers 504 afterwards, as on AWS.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Lines that wait for the disk. Higher costs memory when the disk hangs (about 1 KiB each); lower drops lines in bursts.
pub const ACCESS_LOG_QUEUE_LINES_MAX: usize = 65_536;

/// Connections that the kernel keeps until they are accepted; it cuts this to `net.core.somaxconn`. Lower refuses bursts,
/// and connections that come while a worker is being replaced.
pub const ACCEPT_BACKLOG: i32 = 4096;

/// Sockets made in advance per namespace. Lower makes bursts of connections wait for the thread inside; higher holds file
/// descriptors, one each, for every zone of every load balancer.
pub const SOCKET_STOCK: usize = 32;

/// Jobs that wait for the thread inside a namespace. Beyond, connecting fails at once: that thread hangs.
pub const SOCKET_JOBS_MAX: usize = 4096;

/// It makes sockets and nothing else. One thread per zone of every load balancer has such a stack.
pub const NAMESPACE_THREAD_STACK_BYTES: usize = 128 * 1024;

/// Datagrams that come while the worker does something else; the kernel cuts this to `net.core.rmem_max`.
pub const DATAGRAM_RECEIVE_BUFFER_BYTES: usize = 4 * 1024 * 1024;
