//! state-store.
//!
//! **Invariant:** to be stated.
