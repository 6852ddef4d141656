//! state-blobs.
//!
//! **Invariant:** to be stated.
