//! Every bound of this crate.

use std::time::Duration;

/// Bytes of a manifest or index; registries refuse larger ones (ECR: 4 MiB).
pub const MANIFEST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of an image's configuration document.
pub const CONFIG_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of a token answer or of an error answer that is read for its message.
pub const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Layers of one image. Overlay file systems take at most 500 lower directories.
pub const LAYERS_MAX: usize = 400;

/// Manifests of one index, and indexes within indexes.
pub const INDEX_ENTRIES_MAX: usize = 1_000;
pub const INDEX_DEPTH_MAX: u32 = 2;

/// Entries of one layer: each needs an inode, and directories are remembered until the end.
pub const LAYER_ENTRIES_MAX: u64 = 4_000_000;

/// Unpacked bytes of one layer. ECR's largest blob is 52 GB.
pub const LAYER_BYTES_MAX: u64 = 256 * 1024 * 1024 * 1024;

/// Bytes of one pax header block, which the parser holds in memory.
pub const XATTR_BYTES_MAX: usize = 64 * 1024;

/// Layers that are downloaded and unpacked at once, over all pulls. More only compete for the same cores.
pub const LAYERS_AT_ONCE_MAX: usize = 6;

/// Network chunks that wait for the unpacker of a layer, and unpacked blocks that wait for the writer.
pub const CHUNKS_QUEUED_MAX: usize = 16;
pub const BLOCKS_QUEUED_MAX: usize = 8;

/// Bytes of one unpacked block.
pub const BLOCK_BYTES: usize = 256 * 1024;

/// Retries of a request that failed for reasons that pass, and the waits between them.
pub const RETRIES_MAX: u32 = 5;
pub const RETRY_WAIT_FIRST: Duration = Duration::from_millis(200);
pub const RETRY_WAIT_MAX: Duration = Duration::from_secs(5);

/// The longest `Retry-After` that is waited for; a longer one fails the pull with the registry's message.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(20);

/// Authorizations that are remembered, and how long before their end they are fetched anew.
pub const AUTHORIZATIONS_MAX: usize = 1_024;
pub const AUTHORIZATION_RENEWAL: Duration = Duration::from_secs(10);

/// Silence after which a transfer is broken off (and resumed where it stood).
pub const IDLE_READ_MAX: Duration = Duration::from_secs(30);

/// An image's time of last use is written at most this often.
pub const USE_NOTED_EVERY: Duration = Duration::from_secs(60);
