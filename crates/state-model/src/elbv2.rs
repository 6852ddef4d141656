//! Elastic Load Balancing v2: load balancers, listeners, rules, target groups and their targets.
//!
//! Source: "Elastic Load Balancing API reference, version 2015-12-01".

pub mod action;
pub mod attributes;
pub mod condition;
pub mod listener;
pub mod load_balancer;
pub mod rule;
pub mod target;
pub mod target_group;

pub use action::Action;
pub use condition::Condition;
pub use listener::Listener;
pub use load_balancer::{LoadBalancer, LoadBalancerPlacement, LoadBalancerStatus};
pub use rule::Rule;
pub use target::{Target, TargetHealth};
pub use target_group::TargetGroup;
