//! One binary for all tests of the platform's services.

mod acm;
mod harness;
mod iam;
mod logs;
mod s3;
mod sts;
