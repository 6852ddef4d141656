//! Every bound of this crate, with what happens when it is wrong.

use std::time::Duration;

/// Bytes of one blob: the largest layer that ECR takes.
pub const BLOB_BYTES_MAX: u64 = 52_000_000_000;

/// Uploads that are begun and neither complete nor discarded. Each keeps a hash state of 120 bytes and a
/// file.
pub const UPLOADS_MAX: usize = 4096;

/// Uploads that receive at the same moment. Each occupies a thread; others wait for their turn.
pub const UPLOADS_ACTIVE_MAX: usize = 64;

/// How long a request waits for an upload that another one still uses.
pub const BUSY_WAIT_MAX: Duration = Duration::from_secs(1);

/// An upload that nobody continued for this long is discarded.
pub const UPLOAD_LIFETIME: Duration = Duration::from_hours(24);

/// Chunks between the connection and the thread that writes. A chunk is at most what one read of a connection
/// yields, so this bounds the memory of an upload; too few let one side wait for the other.
pub const CHUNKS_QUEUED_MAX: usize = 8;

/// Bytes after which what is written so far goes to the disk in the background. Without it the disk is idle
/// while an upload is received, and its end waits for all of it.
pub const FLUSH_BYTES: u64 = 16 * 1024 * 1024;

/// Bytes read at a time when the hash of an interrupted upload is computed again.
pub const REHASH_BUFFER_BYTES: usize = 1024 * 1024;

/// A blob's time of last use is written again when it is older than this: looking at a blob is no write each
/// time.
pub const TOUCH_RESOLUTION: Duration = Duration::from_mins(5);

/// Letters and digits that identify an upload.
pub const UPLOAD_ID_BYTES_MAX: usize = 64;
