//! wire-shapes-compute.
//!
//! **Invariant:** to be stated.
