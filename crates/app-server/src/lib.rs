//! app-server.
//!
//! **Invariant:** to be stated.
