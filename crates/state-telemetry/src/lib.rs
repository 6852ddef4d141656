//! state-telemetry.
//!
//! **Invariant:** to be stated.
