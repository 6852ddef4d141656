//! stdx-net.
//!
//! **Invariant:** to be stated.
