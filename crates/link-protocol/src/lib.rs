//! link-protocol.
//!
//! **Invariant:** to be stated.
