//! Running concurrent work under a name: supervised tasks and their shutdown.
//!
//! **Invariant:** no domain word; the only place of the project that spawns tasks onto the runtime.
#![forbid(unsafe_code)]

pub mod shutdown;
pub mod supervisor;
