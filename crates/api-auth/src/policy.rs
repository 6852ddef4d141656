//! Policy documents: read, checked as IAM checks them, and matched.
//!
//! Source: "Grammar of the IAM JSON policy language" in the IAM User Guide.

pub mod condition;
pub mod document;
pub mod resource;
pub mod trust;
pub mod wildcard;

pub use document::{Effect, PolicyDocument, PolicyError, Statement};
