//! One binary for all tests of the compute services.

mod ecs;
