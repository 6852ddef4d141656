//! Every bound of this crate, with what happens when it is wrong.

/// Writes, and likewise preconditions, of one transaction: etcd counts each list for itself. A provider that
/// took more would accept what a cluster refuses.
pub const TRANSACTION_OPERATIONS_MAX: usize = 128;

/// Bytes of keys and values of one transaction, as etcd's request limit.
pub const TRANSACTION_BYTES_MAX: usize = 1536 * 1024;

/// Bytes of one key. Keys are kept in memory.
pub const KEY_BYTES_MAX: usize = 1024;

/// Batches, and bytes of them, kept for watchers that begin a little late. Too few: a watcher that starts
/// between its range and its watch must read the range again. They are memory that an idle store holds.
pub const HISTORY_BATCHES_MAX: usize = 1024;
pub const HISTORY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Batches a watcher may lag behind before it is cut off. Batches are shared, so the queue holds pointers;
/// but it keeps their values alive.
pub const WATCH_QUEUE_MAX: usize = 65_536;

/// Commits that wait for the writer. More callers than this wait for a place in the queue.
pub const COMMIT_QUEUE_MAX: usize = 4096;

/// Transactions and bytes that share one write to the disk. More would let the first of a group wait for the
/// last.
pub const GROUP_TRANSACTIONS_MAX: usize = 512;
pub const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of the log before it is rewritten; it must also be twice what is live. Lower: the log is rewritten
/// all the time, and its syncs delay commits; higher: opening reads more.
pub const COMPACTION_LOG_BYTES_MIN: u64 = 32 * 1024 * 1024;

/// Keys that change their place under one lock when a rewritten log takes over. Readers wait meanwhile.
pub const COMPACTION_SWAP_KEYS: usize = 1024;
