//! The agent of a node: runs what it is assigned and reports what it sees.
//!
//! Per task there is a ledger of what was done and a pure `next_step` that says what comes next ([`plan`]); a driver does
//! it through images, network and runtime, and reports an observation after every step. A restarted agent reads the
//! ledgers and goes on.
//!
//! **Invariant:** it never reads or writes the state of the control plane; all it knows came by assignments.
#![forbid(unsafe_code)]

pub mod agent;
mod directory;
mod driver;
mod endpoints;
mod environment;
mod environment_file;
pub mod facts;
pub mod flow_logs;
pub mod images;
mod ledger;
pub mod limits;
mod log_pump;
mod measure;
pub mod metadata;
pub mod names;
pub mod network;
mod observe;
pub mod plan;
mod sandbox_spec;
mod supervisor_link;
#[cfg(test)]
mod test_vpc;
mod unsupported;
pub mod vpc_endpoints;

pub use agent::{Agent, AgentConfig, AgentParts, Sandboxes};
