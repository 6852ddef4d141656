//! The loops on a store in memory.

mod placement;
