//! api-network.
//!
//! **Invariant:** to be stated.
