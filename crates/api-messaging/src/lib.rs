//! The handlers of the services that tell: EventBridge, its scheduler, and SNS. One folder per service, one function per
//! operation.
//!
//! A handler authorises, validates, decides in one transaction, and answers from what was written. It never waits for
//! the world and never talks to another service.
//!
//! **Invariant:** services meet in the state store alone; no handler calls one of another service.
#![forbid(unsafe_code)]

mod ecs_parameters;
pub mod events;
pub mod scheduler;
pub mod sns;
mod tags;
