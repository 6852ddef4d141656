//! state-model.
//!
//! **Invariant:** to be stated.
