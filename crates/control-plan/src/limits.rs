//! Named limits of planning.

use std::time::Duration;

/// Tasks placed by one commit. Each costs three preconditions and two writes, and the store takes 128 operations: more
/// would be refused, fewer would pay a commit too often when many tasks start at once.
pub const PLACEMENTS_PER_COMMIT_MAX: usize = 24;

/// Rows that one cleanup commit deletes.
pub const DELETIONS_PER_COMMIT_MAX: usize = 48;

/// Live tasks of one node. Beyond, RunTask's tasks end with AWS's capacity message. The bound keeps a runaway caller from
/// filling the host's process table; a node with less to give runs out of memory or addresses before.
pub const TASKS_PER_NODE_MAX: usize = 4_000;

/// A stopped task is described for this long. ECS promises at least one hour.
pub const STOPPED_TASK_KEPT: Duration = Duration::from_secs(60 * 60);

/// Random addresses tried before the subnet is searched in order.
pub const ADDRESS_GUESSES_MAX: u32 = 16;
