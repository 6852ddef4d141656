//! What Neargate remembers: records, names and ARNs, legal transitions and what is computed from them.
//!
//! **Invariant:** pure. No I/O, no async, no clock, no wire format; every record says its version.
#![forbid(unsafe_code)]

pub mod acm;
pub mod autoscaling;
pub mod billing;
pub mod cloudwatch;
pub mod cloudwatch_dashboard;
pub mod delivery;
pub mod ec2;
pub mod ecr;
pub mod ecs;
pub mod elbv2;
pub mod events;
pub mod iam;
pub mod logs;
pub mod record;
pub mod region;
pub mod s3;
pub mod schedule;
pub mod scheduler;
pub mod scope;
pub mod sns;

pub use record::Record;
pub use scope::Scope;
