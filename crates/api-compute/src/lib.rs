//! The compute services: one folder per service, one file per operation.
//!
//! It never talks to a node and never waits for the world: a handler writes intent, and answers from what was written.
//!
//! **Invariant:** no other `api-*` crate but `api-auth`, no `control-*`, `node-*` or `edge-*`; every write goes through
//! one transaction of `state-tables`.
#![forbid(unsafe_code)]

pub mod defaults;
pub mod ecr;
pub mod ecs;
