//! Shapes of services that speak the protocols which no served service speaks.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::enum_variant_names,
    clippy::upper_case_acronyms,
    reason = "generated, and used only in part"
)]

pub mod cloudwatch;
pub mod eks;
pub mod route53;
pub mod s3;
