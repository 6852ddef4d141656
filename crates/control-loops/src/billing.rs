//! The loops that record usage, and compare it with budgets.

pub mod budgets;
pub mod folding;
pub mod metering;
