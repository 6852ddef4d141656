//! What acts on its own in a role: event targets, schedules and notifications, as clients of the public API and of the world.
//!
//! **Invariant:** it knows the installation by its signed API alone; nothing here reads or writes the state.
#![forbid(unsafe_code)]
