//! wire-schema.
//!
//! **Invariant:** to be stated.
