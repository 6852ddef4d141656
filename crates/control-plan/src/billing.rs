//! What is recorded of usage, and what becomes of old records.

pub mod budgets;
pub mod folding;
pub mod metering;
