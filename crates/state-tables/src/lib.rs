//! state-tables.
//!
//! **Invariant:** to be stated.
