//! api-compute.
//!
//! **Invariant:** to be stated.
