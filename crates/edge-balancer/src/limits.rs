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

/// A worker that dies sooner counts as broken: the next one is started after a pause.
pub const WORKER_LIFE_SHORT: Duration = Duration::from_secs(10);

/// The pause doubles with each worker that dies at once. Shorter burns a core, longer keeps connections waiting.
pub const WORKER_RESTART_PAUSE_MIN: Duration = Duration::from_millis(100);
pub const WORKER_RESTART_PAUSE_MAX: Duration = Duration::from_secs(5);

/// After accepting failed for want of descriptors or memory. Shorter burns a core, longer delays the recovery.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Commands that wait for a worker. When it is full, applying configuration waits for the worker.
pub const WORKER_COMMANDS_MAX: usize = 1024;

/// Events that wait for the thread that follows control. When it is full, control's messages stay in the kernel.
pub const EVENTS_MAX: usize = 1024;

/// Messages that wait for control to take them. Fewer gives up sessions with a busy control; more keeps stale reports.
pub const SESSION_OUTGOING_MAX: usize = 1024;

pub const SESSION_READ_BYTES: usize = 256 * 1024;

/// How often sockets that could not be bound are tried again, and namespaces looked at. An interface's address comes
/// some milliseconds after its namespace: longer delays the first connection to a new load balancer.
pub const SOCKET_RETRY_PERIOD: Duration = Duration::from_millis(200);

/// What requests in flight get after SIGTERM. Shorter cuts slow downloads, longer delays the end of the machine.
pub const TERMINATE_DRAIN: Duration = Duration::from_secs(20);

/// How exactly the end of the last connection is noticed while ending.
pub const DRAIN_LOOK_PERIOD: Duration = Duration::from_millis(20);

/// Keepers that a worker starts one after the other, at most: whatever kills them would go on.
pub const KEEPERS_LOST_MAX: u32 = 16;

/// Changes within this time are written together. Longer loses more when the machine stops; what is lost is told again
/// by control.
pub const STATE_WRITE_DELAY: Duration = Duration::from_millis(200);

/// Targets that a connection of a network load balancer is offered to. More keeps a client waiting longer for the answer
/// that there is nobody.
pub const TARGETS_TRIED_MAX: usize = 4;

/// One per worker. Smaller costs system calls, larger cache.
pub const COPY_BUFFER_BYTES: usize = 64 * 1024;

/// Two per TLS connection: a TLS record, which is all that one read can give.
pub const TLS_COPY_BUFFER_BYTES: usize = 16 * 1024;

/// As on AWS: 10 s for a TLS handshake.
pub const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest datagram that IP can carry.
pub const DATAGRAM_BYTES_MAX: usize = 65_535;

/// Datagrams of a flow that wait for its socket, which takes well below a millisecond to make.
pub const DATAGRAMS_WAITING_MAX: usize = 64;

/// Flows of one UDP listener in one zone, a socket each. Beyond, new ones are refused.
pub const DATAGRAM_FLOWS_MAX: usize = 16_384;

/// Fixed, as on AWS.
pub const DATAGRAM_IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Of a response to a health check that is read while its gRPC status is looked for.
pub const PROBE_BODY_BYTES_MAX: usize = 64 * 1024;

/// A finished file of an access log is uploaded whole: larger delays entries and takes memory there.
pub const ACCESS_LOG_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// As on AWS, every five minutes of the clock.
pub const ACCESS_LOG_PERIOD_SECS: i64 = 300;

/// After a write of the state, nothing is written for this many times as long as it took.
pub const STATE_WRITE_REST: u32 = 4;

/// Between tries of a new target that doesn't listen yet. Longer delays what a deployment waits for; shorter costs a
/// packet each.
pub const PROBE_PAUSE: Duration = Duration::from_millis(200);

/// Windows of counts that wait for control, a minute each while it is away: what control keeps to the second lasts three hours.
pub const WINDOWS_KEPT_MAX: usize = 120;

/// Counts in all windows that wait. Each takes some 200 bytes.
pub const COUNTS_KEPT_MAX: usize = 200_000;
