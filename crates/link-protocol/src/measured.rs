//! What a node measured of its running tasks, each second.
//!
//! Amounts are of the interval that ended at [`Measured::at`], never totals: whoever hears of them late, or not at all, counts
//! nothing twice. A task's first interval, and the first after a gap, isn't told.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::assignment::TaskName;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The end of the interval, by the node's wall clock.
    pub at: Timestamp,
    pub tasks: Vec<TaskUse>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskUse {
    pub task: Arc<TaskName>,
    /// Of the assignment.
    pub generation: u64,
    /// The interval's length, by a clock that never jumps.
    pub elapsed_ns: u64,
    pub containers: Vec<ContainerUse>,
    /// Read less often than the rest: none in an interval without a reading.
    pub network: Option<NetworkUse>,
    /// Of the ephemeral storage; none before it was first read.
    pub storage_bytes: Option<u64>,
}

/// A container that runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerUse {
    pub name: Arc<str>,
    pub cpu_ns: u64,
    /// The working set at the interval's end.
    pub memory_bytes: u64,
    pub read_bytes: u64,
    pub write_bytes: u64,
    /// Restarts since the task began; none without a restart policy.
    pub restart_count: Option<u32>,
}

/// What the task's interface moved since the reading before, seen from inside the task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkUse {
    pub elapsed_ns: u64,
    pub rx_bytes: u64,
    pub rx_packets: u64,
    pub rx_errors: u64,
    pub rx_dropped: u64,
    pub tx_bytes: u64,
    pub tx_packets: u64,
    pub tx_errors: u64,
    pub tx_dropped: u64,
}
