//! node-network.
//!
//! **Invariant:** to be stated.
