//! The handlers of the services that measure: CloudWatch's metrics and alarms, Application Auto Scaling, Cost Explorer and
//! Budgets. One folder per service, one function per operation.
//!
//! A handler authorises, validates, decides in one transaction, and answers from what was written. It never waits for
//! the world and never talks to another service.
//!
//! **Invariant:** services meet in the state store alone; no handler calls one of another service.
#![forbid(unsafe_code)]

pub mod application_autoscaling;
pub mod budgets;
pub mod ce;
pub mod cloudwatch;
mod filters;
