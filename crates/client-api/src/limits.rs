//! Every bound of this crate.

use std::time::Duration;

/// Bytes of an answer of the API. Lists are paged; log events come in answers of up to 1 MiB.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of one frame of an event stream, as AWS allows.
pub const FRAME_BYTES_MAX: usize = 24 * 1024 * 1024;

/// Silence while an answer is read. Live streams send an update every second.
pub const IDLE_READ_MAX: Duration = Duration::from_secs(30);

/// Layers that are pushed at once.
pub const UPLOADS_AT_ONCE_MAX: usize = 3;

/// Blobs above this size are sent in pieces of this size, so that a lost connection costs one piece.
pub const UPLOAD_PIECE_BYTES: u64 = 256 * 1024 * 1024;

/// Times that one piece is sent again after a lost connection or an error of the server.
pub const UPLOAD_RETRIES_MAX: u32 = 3;

/// Bytes of a manifest, an index or a configuration in an archive.
pub const DOCUMENT_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Entries of an archive of images, and manifests reachable from its index.
pub const ARCHIVE_ENTRIES_MAX: usize = 20_000;
pub const MANIFESTS_MAX: usize = 1_000;
