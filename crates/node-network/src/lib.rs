//! The node's networks: one namespace per VPC, an interface per task, security groups, and the resolver
//! inside.
//!
//! A VPC is a network namespace that routes; it bridges nothing. Every elastic network interface is a veth
//! pair whose outer end sits in that namespace with a /32 route, so each packet between two tasks, also of
//! one subnet, passes the namespace's nftables hooks. Host-side things carry the [`Instance`]'s name, so
//! several instances share a machine and each removes exactly its own, with no state but the names.
//!
//! **Invariant:** it decides nothing about who may talk to whom and allocates no VPC address: both arrive as
//! configuration. It never edits a firewall table, a link or a route that is not its own, and runs no other
//! program.

mod alias;
pub mod config;
mod edges;
mod edges_listen;
mod error;
mod fronts;
mod instance;
pub mod limits;
mod namespace;
mod netlink;
mod network;
mod nft;
mod ready;
pub mod resolver;
mod sysctl;
mod teardown;
mod vpc;

pub use error::{NetworkError, TeardownErrors};
pub use instance::Instance;
pub use network::Network;
pub use ready::TaskNamespace;
pub use teardown::teardown_all;
pub use vpc::counters::InterfaceCounters;
