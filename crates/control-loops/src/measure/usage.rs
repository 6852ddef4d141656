//! Use of quotas, namespace `AWS/Usage`.
//!
//! Source: "AWS Fargate usage metrics" in the ECS Developer Guide.

use std::collections::BTreeMap;

use state_model::Scope;
use state_tables::View;
use state_telemetry::metrics::{Sample, Unit};
use stdx::clock::Timestamp;

use super::{DimensionList, minute_sample};

const SPOT: &str = "FARGATE_SPOT";
/// CPU units of one vCPU.
const VCPU_UNITS: f64 = 1024.0;

/// The vCPUs of tasks that have their place.
pub fn samples(view: &View, at: Timestamp) -> Vec<Sample> {
    let mut used: BTreeMap<(&Scope, bool), u64> = BTreeMap::new();
    for task in view.live_tasks.iter().filter_map(|key| view.task(key)) {
        if task.placement.is_some_and(|placement| placement.placed().is_some()) {
            let is_spot = task.intent.capacity_provider_name.as_deref() == Some(SPOT);
            *used.entry((&task.intent.scope, is_spot)).or_default() += u64::from(task.intent.cpu);
        }
    }
    let sample = |((scope, is_spot), cpu_units): ((&Scope, bool), u64)| {
        let class = if is_spot { "Standard/Spot" } else { "Standard/OnDemand" };
        let dimensions: DimensionList = vec![
            ("Service", "Fargate".into()),
            ("Type", "Resource".into()),
            ("Resource", "vCPU".into()),
            ("Class", class.into()),
        ];
        let metric = ("ResourceCount", Unit::None, cpu_units as f64 / VCPU_UNITS);
        minute_sample(scope, "AWS/Usage", metric, &dimensions, at)
    };
    used.into_iter().map(sample).collect()
}
