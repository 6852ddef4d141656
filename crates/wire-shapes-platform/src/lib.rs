//! wire-shapes-platform.
//!
//! **Invariant:** to be stated.
