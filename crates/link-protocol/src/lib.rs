//! What control and nodes say to each other: assignments and configuration down, observations up, and the few questions a
//! node asks.
//!
//! **Invariant:** data and traits only. No runtime and no transport; everything sent is plain serialisable data.
#![forbid(unsafe_code)]

pub mod assignment;
pub mod edge;
pub mod edge_frame;
pub mod log;
pub mod measured;
pub mod network;
pub mod observation;
pub mod services;

pub use assignment::{Assignment, Interface, TaskName};
pub use network::NetworkSnapshot;
pub use observation::Observation;
pub use services::{ControlServices, Credentials, ServiceFailure};

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Control to node. A node applies messages in order; each is idempotent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Down {
    /// The networks of all assigned tasks and of the balancer, whole: what isn't in it is to be removed.
    Network(Arc<NetworkSnapshot>),
    /// Run this task, or take over what runs of it. Ignored unless the generation is newer than what the node knows.
    Assign(Box<Assignment>),
    /// Stop the task and report how it ended.
    Stop { task: TaskName },
    /// The task's end is recorded: the node may drop everything it kept of it.
    Forget { task: TaskName },
    /// Every task that should be on the node has been told: others that the node finds are leftovers to be removed.
    Complete,
}

/// Node to control.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Up {
    Observed(Box<Observation>),
    /// What is in place on the node beside tasks, whole: what isn't named is not. The ids of load balancers' interfaces, NAT
    /// gateways, VPC endpoints, peering connections, flow logs.
    InPlace {
        ids: BTreeSet<String>,
    },
    /// What running tasks use, each second. May get lost: the next one says how it is then.
    Measured(Box<measured::Measured>),
}
