//! node-agent.
//!
//! **Invariant:** to be stated.
