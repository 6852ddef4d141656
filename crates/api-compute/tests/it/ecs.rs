//! ECS through its service table: JSON in, JSON out, a state in memory.

mod account_settings;
mod clusters;
mod harness;
mod leftovers;
mod none_exist;
mod run_task;
mod service_deployments;
mod service_lab;
mod service_refusals;
mod services;
mod task_definition_rules;
mod task_definitions;
mod tasks;
