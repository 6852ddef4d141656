//! Records of ECS.

pub mod account_setting;
pub mod cluster;
pub mod container_definition;
pub mod linux_parameters;
pub mod log_configuration;
pub mod new_task;
pub mod run_task_token;
pub mod service;
pub mod service_action;
pub mod service_deployment;
pub mod service_event;
pub mod service_revision;
pub mod task;
pub mod task_definition;
pub mod task_told;
pub mod volume;
