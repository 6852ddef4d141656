//! Every bound of this crate, with what happens when it is wrong.

use std::time::Duration;

/// Connections of one server over all its listeners. Further ones wait in the kernel's backlog.
pub const CONNECTIONS_MAX: usize = 8_192;

/// Connections that the kernel keeps for us until we accept them; it takes less when its own limit is lower.
pub const BACKLOG: i32 = 4_096;

/// Bytes of a request's header fields. AWS answers above 64 KiB with 431; presigned queries stay far below.
pub const HEADER_BYTES_MAX: usize = 64 * 1024;

/// Header fields of one request.
pub const HEADERS_MAX: usize = 128;

/// Read buffer of an HTTP/1 connection. It also bounds what an unfinished header may occupy; smaller values
/// slow uploads down, since the buffer is what one `read` fills.
pub const READ_BUFFER_BYTES_MAX: usize = 512 * 1024;

/// How long a client may take to send a request's header, and how long a kept-alive connection may idle.
pub const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a TLS handshake may take.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Silence after which reading a request's body is given up.
pub const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Requests at once on one HTTP/2 connection.
pub const HTTP2_STREAMS_MAX: u32 = 256;

/// Flow-control windows of HTTP/2: small ones limit a transfer to window/round-trip.
pub const HTTP2_STREAM_WINDOW_BYTES: u32 = 2 * 1024 * 1024;
pub const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;

/// Wait after a failed accept (usually: out of descriptors), so that the loop does not spin.
pub const ACCEPT_RETRY_WAIT: Duration = Duration::from_millis(50);

/// Bytes of one chunk of a file body. Below 128 KiB the per-chunk cost shows at 1 GB/s.
pub const FILE_CHUNK_BYTES: usize = 256 * 1024;

/// Idle chunk buffers that are kept for the next file body.
pub const FILE_CHUNKS_KEPT_MAX: usize = 32;

/// Certificates minted for server names and kept in memory; the oldest is dropped and made anew on demand.
pub const MINTED_CERTIFICATES_MAX: usize = 1_024;

/// Life of the authority and of the certificates below it, and how long before their end they are replaced.
pub const AUTHORITY_LIFE: Duration = Duration::from_secs(3_650 * 86_400);
pub const CERTIFICATE_LIFE: Duration = Duration::from_secs(397 * 86_400);
pub const CERTIFICATE_RENEWAL: Duration = Duration::from_secs(30 * 86_400);

/// Idle client connections kept per host, and for how long. Servers close theirs after 60 s or more.
pub const POOL_IDLE_PER_HOST_MAX: usize = 32;
pub const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(45);

/// Addresses of one name that a client tries in turn.
pub const CONNECT_ADDRESSES_MAX: usize = 8;

/// Bytes of a text of certificates, and certificates in it. A chain of RSA 4096 certificates has 2.5 KiB each; more than
/// these make every handshake that presents them slow.
pub const CERTIFICATE_PEM_BYTES_MAX: usize = 64 * 1024;
pub const CHAIN_CERTIFICATES_MAX: usize = 16;
