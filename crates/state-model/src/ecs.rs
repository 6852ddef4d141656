//! Records of ECS.

pub mod task;
pub mod task_definition;
