//! api-platform.
//!
//! **Invariant:** to be stated.
