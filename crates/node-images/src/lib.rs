//! node-images.
//!
//! **Invariant:** to be stated.
