//! Named limits of the loops.

use std::time::Duration;

/// A loop runs at least this often, also when nothing wakes it: the bound on how long a missed wake-up can matter.
pub const PERIOD_MAX: Duration = Duration::from_secs(30);

/// The wait after a failed commit, so that a full disk isn't hammered.
pub const FAILURE_PAUSE: Duration = Duration::from_millis(500);

/// Messages waiting for a node. A node that reads slower than this much is waited for: dispatch serves one node only.
pub const DOWN_QUEUE_MAX: usize = 1_024;

/// Observations waiting for their commit. Agents wait beyond that.
pub const UP_QUEUE_MAX: usize = 1_024;

/// Observations in one commit: each costs one precondition and one write of the store's 128.
pub const OBSERVATIONS_PER_COMMIT_MAX: usize = 60;

/// Everything is looked at this often, also what no change seems to touch.
pub const FULL_PASS_PERIOD: Duration = Duration::from_secs(10 * 60);

/// Services whose tasks are looked up one by one. Beyond, reading the tables in order is the cheaper way.
pub const SERVICES_LOOKED_UP_MAX: usize = 256;

/// The wait before a decision that met another writer is made again, when that writer's change doesn't wake the loop.
pub const CONFLICT_PAUSE: Duration = Duration::from_millis(50);
