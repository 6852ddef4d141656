//! Log events and metrics in append-only segments with a time index, and the languages that search them.
//!
//! - [`logs`]: the store. Events are durable when their append is acknowledged; streams are opaque keys, so what a
//!   log group or a stream is lives elsewhere.
//! - [`metrics`]: series of data points, their statistics, and metric math.
//! - [`pattern`]: CloudWatch Logs filter patterns, parsed and evaluated.
//! - [`assemble`]: lines of a container's output turned into log events, as the awslogs driver does it.
//!
//! **Invariant:** nothing here knows accounts, groups, tasks or the key-value store, and no acknowledged
//! event is lost by a crash of the process.
#![forbid(unsafe_code)]

pub mod assemble;
pub mod insights;
pub mod limits;
pub mod logs;
pub mod metrics;
pub mod pattern;
