//! `monitoring`: which metrics of a service are wanted how finely. They are measured each second in any case.

use std::collections::BTreeSet;

use state_model::ecs::service_revision::MetricConfiguration;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use crate::ecs::errors::invalid_parameter;

const NAMES: [&str; 2] = ["CPUUtilization", "MemoryUtilization"];
const RESOLUTIONS: [i32; 2] = [20, 60];

pub fn metric_configurations(
    given: Option<&wire::MonitoringConfiguration>,
) -> Result<Vec<MetricConfiguration>, ServiceError> {
    let given = given.and_then(|given| given.metric_configurations.as_deref()).unwrap_or_default();
    let mut seen = BTreeSet::new();
    let mut configurations = Vec::with_capacity(given.len());
    for one in given {
        let names = one.metric_names.as_deref().unwrap_or_default();
        if names.is_empty() {
            return Err(invalid_parameter("metricNames can not be empty."));
        }
        for name in names {
            if !NAMES.contains(&name.as_str()) {
                return Err(invalid_parameter(format!(
                    "Invalid metric name: {name}. Must be one of [{}]",
                    NAMES.join(", ")
                )));
            }
            if !seen.insert(name.as_str()) {
                return Err(invalid_parameter(format!("The metric {name} is given more than once.")));
            }
        }
        let resolution_secs = RESOLUTIONS
            .contains(&one.resolution_seconds.unwrap_or(0))
            .then_some(one.resolution_seconds)
            .flatten()
            .and_then(|seconds| u32::try_from(seconds).ok())
            .ok_or_else(|| invalid_parameter("resolutionSeconds must be one of [20, 60]"))?;
        configurations.push(MetricConfiguration { metric_names: names.to_vec(), resolution_secs });
    }
    Ok(configurations)
}
