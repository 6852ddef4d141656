//! The network services: one folder per service, one file per operation.
//!
//! It never talks to a node: security groups and interfaces are records, which nodes learn from control's
//! snapshot.
//!
//! **Invariant:** no other `api-*` crate but `api-auth`, no `control-*`, `node-*` or `edge-*`; every write
//! goes through one transaction of `state-tables`.
#![forbid(unsafe_code)]

pub mod defaults;
pub mod ec2;
pub mod elbv2;
