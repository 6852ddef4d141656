//! Generated shapes of the services that measure: CloudWatch, Application Auto Scaling, Cost Explorer and Budgets: plain structures, open enums, and the static tables of their
//! operations.
//!
//! Nothing here is written by hand except this page, and nothing here knows an encoding: `cargo xtask
//! codegen` writes one module per service from its published model.
//!
//! **Invariant:** depends on `wire-schema` alone, and holds only what the operations in `models/` reach.
#![forbid(unsafe_code)]
#![allow(clippy::enum_variant_names, clippy::upper_case_acronyms, reason = "the names are the models'")]

pub mod application_autoscaling;
pub mod budgets;
pub mod ce;
pub mod cloudwatch;
