//! What was used, what it costs, and the budgets on it. Source of the billing rules: "AWS Fargate pricing" and the Cost
//! Explorer and AWS Budgets API references.

pub mod amount;
pub mod budget;
pub mod calendar;
pub mod cost_tag;
pub mod filter;
pub mod line;
pub mod prices;
pub mod query;
pub mod region_codes;
pub mod spend;
pub mod usage;
