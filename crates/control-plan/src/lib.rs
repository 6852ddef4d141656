//! Decisions: pure functions of a snapshot, a time and a source of randomness.
//!
//! **Invariant:** no runtime, no clock, no store, no I/O. The same snapshot, time and seed give the same decision.
#![forbid(unsafe_code)]

pub mod alarms;
pub mod attach;
pub mod balancers;
pub mod billing;
pub mod capacity;
pub mod cleanup;
pub mod cleanup_endpoints;
pub mod ecs_events;

pub mod deliveries;
pub mod edge_config;
pub mod edge_names;
pub mod events;
pub mod limits;
pub mod measure;
pub mod placement;
pub mod scaling;
pub mod schedules;
pub mod services;
