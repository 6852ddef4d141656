//! client-api.
//!
//! **Invariant:** to be stated.
