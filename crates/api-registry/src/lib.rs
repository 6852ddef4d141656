//! api-registry.
//!
//! **Invariant:** to be stated.
