//! What the operations on services share.

pub mod current;
pub mod deploy;
pub mod deployment_configuration;
pub mod find;
pub mod load_balancers;
pub mod members;
pub mod monitoring;
pub mod options;
pub mod refusals;
pub mod revision;
