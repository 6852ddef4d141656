//! One binary for all tests of the compute services.

mod ecr;
mod ecs;
