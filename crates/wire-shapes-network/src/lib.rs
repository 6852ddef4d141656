//! wire-shapes-network.
//!
//! **Invariant:** to be stated.
