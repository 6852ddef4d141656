//! Limits of the HTTP data plane. Those of heads are the quotas of the page "Quotas for your Application Load Balancers".

use std::time::Duration;

/// Of a request line. Longer ones are answered with 414.
pub const REQUEST_LINE_BYTES_MAX: usize = 16 * 1024;

/// Of one header with its name. Longer ones are answered with 400.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Of all headers of a request. Larger ones are answered with 400.
pub const REQUEST_HEAD_BYTES_MAX: usize = 64 * 1024;

/// Of all headers of a response. A target that sends more is answered for with 502.
pub const RESPONSE_HEAD_BYTES_MAX: usize = 32 * 1024;

/// Headers of one message. Too low refuses real clients; each costs 32 bytes of stack while a head is parsed.
pub const HEADERS_MAX: usize = 128;

/// Addresses in X-Forwarded-For. More are answered with 463, as they tell of a loop.
pub const FORWARDED_FOR_MAX: usize = 30;

/// Requests at the same time on one HTTP/2 connection.
pub const HTTP2_STREAMS_MAX: u32 = 128;

/// What a connection reads at once while it waits for a head. Too low costs a second read for large heads; too high
/// is memory for every request in progress.
pub const HEAD_READ_BYTES: usize = 4 * 1024;

/// What is read of a target at once until its response's framing is known.
pub const RESPONSE_READ_BYTES: usize = 16 * 1024;

/// What a body is read by. Too low costs system calls, too high is memory for every body in progress.
pub const BODY_READ_BYTES: usize = 64 * 1024;

/// Bodies up to this size are copied behind the head that they follow, so that one write carries both.
pub const COALESCE_BYTES: usize = 16 * 1024;

/// A body is not read further while this much of it waits to be written.
pub const OUTPUT_BYTES_MAX: usize = 128 * 1024;

/// A request body that no target wanted is read up to this size, so that the connection can be used again.
pub const DISCARD_BYTES_MAX: usize = 64 * 1024;

/// Of a chunk's size line with its extensions, and of the trailers of a body.
pub const CHUNK_LINE_BYTES_MAX: usize = 4 * 1024;
pub const TRAILER_BYTES_MAX: usize = 16 * 1024;

/// Connections to one target that one worker keeps for later. Too low costs new connections after each peak; too high
/// holds descriptors of the balancer and of the targets.
pub const IDLE_TARGET_CONNECTIONS_MAX: usize = 512;

/// HTTP/2 connections that one worker has to one target at most; more requests share them.
pub const HTTP2_TARGET_CONNECTIONS_MAX: usize = 8;

/// A client that opens a TLS connection has to be done with its handshake by then.
pub const CLIENT_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a trace header may have at most before it is written anew.
pub const TRACE_BYTES_MAX: usize = 7 * 1024;

/// How often unused connections to targets are looked through.
pub const POOL_SWEEP_PERIOD: Duration = Duration::from_secs(5);

/// How many times a request is sent again, each time on another connection, when a kept connection turns out closed.
pub const RESEND_MAX: u32 = 3;

/// How long a connection that ends is read on, so that its last answer isn't lost to a reset.
pub const LINGER: Duration = Duration::from_secs(2);

/// What a connection that has changed its protocol copies by, in each direction.
pub const TUNNEL_BUFFER_BYTES: usize = 16 * 1024;
