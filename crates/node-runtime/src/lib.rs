//! node-runtime.
//!
//! **Invariant:** to be stated.
