//! test-kit.
//!
//! **Invariant:** to be stated.
