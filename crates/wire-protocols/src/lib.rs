//! wire-protocols.
//!
//! **Invariant:** to be stated.
