//! What a request may say: pure functions from the shapes of the wire to the model, with AWS's messages.

pub mod container;
pub mod dependencies;
pub mod fargate;
pub mod health_check;
pub mod linux;
pub mod logging;
pub mod names;
pub mod numbers;
pub mod overrides;
pub mod ports;
pub mod proxy;
pub mod roles;
pub mod strategy;
pub mod tags;
pub mod task_definition;
pub mod task_rules;
pub mod task_size;
pub mod volumes;
