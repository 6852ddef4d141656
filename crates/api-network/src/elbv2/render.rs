//! What answers look like.

pub mod action;
pub mod condition;
pub mod listener;
pub mod load_balancer;
pub mod rule;
pub mod target_group;
