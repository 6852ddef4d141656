//! From the model to the shapes of the wire, with everything that AWS always shows.

pub mod cluster;
pub mod container_definition;
pub mod service;
pub mod service_deployment;
pub mod service_revision;
pub mod task;
pub mod task_definition;
pub mod task_overrides;
pub mod volume;

use std::collections::BTreeMap;

use stdx::clock::Timestamp;
use wire_schema::Instant;
use wire_shapes_compute::ecs as wire;

pub fn tags(tags: &BTreeMap<String, String>) -> Vec<wire::Tag> {
    let tag =
        |(key, value): (&String, &String)| wire::Tag { key: Some(key.clone()), value: Some(value.clone()) };
    tags.iter().map(tag).collect()
}

pub fn instant(at: Timestamp) -> Instant {
    Instant::from_millis(at.as_millis())
}

/// A reference to what doesn't exist, in an answer that otherwise succeeds.
pub fn missing(arn: String) -> wire::Failure {
    failure(arn, "MISSING")
}

pub fn failure(arn: String, reason: &str) -> wire::Failure {
    wire::Failure { arn: Some(arn), reason: Some(reason.to_owned()), detail: None }
}

/// A number of the model as the wire has it. All of them come from there or count what fits into memory.
pub fn number(value: impl TryInto<i32>) -> i32 {
    value.try_into().unwrap_or(i32::MAX)
}
