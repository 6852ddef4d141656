//! The handlers of the platform's services: one folder per service, one function per operation.
//!
//! A handler authorises, validates, decides in one transaction, and answers from what was written. It never waits for
//! the world and never talks to another service.
//!
//! **Invariant:** services meet in the state store alone; no handler calls one of another service.
#![forbid(unsafe_code)]

pub mod acm;
pub mod defaults;
pub mod iam;
pub mod logs;
pub mod s3;
pub mod sts;
mod validation;
