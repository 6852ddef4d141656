//! control-loops.
//!
//! **Invariant:** to be stated.
