//! One VPC on this node: a thread that lives in its namespace and owns its sockets, rules and links.

pub mod attach;
pub mod counters;
pub mod flows;
pub mod ipv6;
pub mod peering;
pub mod public;
pub mod requests;
pub mod routing;
pub mod setup;
pub mod thread;

/// The group of every link in a VPC's namespace (`ip link list group 28263`).
pub const LINK_GROUP: u32 = 0x6e67;

/// Links whose interface was detached and that wait to be deleted together.
pub const DEAD_LINK_GROUP: u32 = 0x6e68;

/// The interface's name inside a task, as on Fargate.
pub const TASK_INTERFACE: &str = "eth1";
