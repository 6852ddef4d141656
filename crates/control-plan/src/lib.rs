//! control-plan.
//!
//! **Invariant:** to be stated.
