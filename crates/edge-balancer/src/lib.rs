//! The balancer: the process that carries the traffic of every load balancer of a node.
//!
//! It accepts on public addresses and inside VPCs, chooses a target by listeners, rules and target groups, and dials it
//! from the load balancer's own interface. It is driven by configuration alone, which it keeps on disk: control may come
//! and go.
//!
//! **Invariant:** knows no store and no API; what it does is a function of its configuration and of what it observes.
#![forbid(unsafe_code)]

pub mod accept;
pub mod access_log;
pub mod cookie_key;
pub mod dialer;
pub mod health;
pub mod http;
pub mod limits;
pub mod metrics;
pub mod network;
pub mod process;
pub mod runtime;
pub mod state_file;
pub mod tls;
pub mod unverified;
pub mod worker;
pub mod workers;
