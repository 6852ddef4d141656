//! Elastic Load Balancing v2.

mod attributes;
mod concurrency;
mod kit;
mod listeners;
mod load_balancers;
mod rules;
mod target_groups;
mod targets;
