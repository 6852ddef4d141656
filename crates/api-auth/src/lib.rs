//! api-auth.
//!
//! **Invariant:** to be stated.
