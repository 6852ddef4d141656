//! The server: the one place where planes meet. Reads top to bottom as a start-up story in [`server`].
//!
//! **Invariant:** nothing uses this crate but the command line. It wires; it decides nothing that a plane could decide.
#![forbid(unsafe_code)]

pub mod access_logs;
mod automation;
pub mod balancer;
pub mod config;
pub mod control_services;
pub mod data_dir;
pub mod down;
pub mod edge;
pub mod host_names;
pub mod limits;
pub mod metrics;
pub mod regions;
pub mod reset;
pub mod root_credentials;
pub mod runtimes;
pub mod server;
