//! What acts on its own in a role: event targets, schedules and notifications, as clients of the public API and of the world.
//!
//! Everything here is one attempt, bounded in time, which ends well or with a [`Failure`] that says whether another one may
//! fare better. Who tries again, and when, is not known here.
//!
//! **Invariant:** it knows the installation by its signed API alone; nothing here reads or writes the state.
#![forbid(unsafe_code)]

pub mod call;
pub mod connection;
pub mod email;
pub mod failure;
pub mod http_call;
pub mod limits;
mod oauth;
mod query_input;

pub use failure::Failure;
