//! The metrics of services, namespace `AWS/ECS`: a sample of each running task per second.
//!
//! Source: "Amazon ECS CloudWatch metrics" in the ECS Developer Guide.

use std::collections::{BTreeMap, HashMap};

use control_plan::measure;
use link_protocol::measured::{Measured, TaskUse};
use state_model::ecs::task::{Phase, TaskColumns, TaskIntent};
use state_tables::View;
use state_telemetry::metrics::{MetricId, Resolution, Sample, Unit, Values};
use stdx::clock::Timestamp;

const NAMESPACE: &str = "AWS/ECS";

/// The names of series, kept while their tasks run.
#[derive(Debug, Default)]
pub struct TaskSeries(HashMap<String, Ids>);

#[derive(Clone, Debug)]
struct Ids {
    cpu: MetricId,
    memory: MetricId,
}

impl TaskSeries {
    /// Of tasks of services that are RUNNING.
    pub fn samples(&mut self, view: &View, measured: &Measured) -> Vec<Sample> {
        let mut samples = Vec::with_capacity(2 * measured.tasks.len());
        for used in &measured.tasks {
            self.add(view, used, measured.at, &mut samples);
        }
        samples
    }

    fn add(&mut self, view: &View, used: &TaskUse, at: Timestamp, samples: &mut Vec<Sample>) {
        let key = used.task.key();
        let Some(task) = view.task(&key).filter(|task| is_measured(task, used)) else { return };
        let Some(service) = &task.intent.service else { return };
        let Some(load) = measure::load(used, task.intent.cpu, task.intent.memory_mib) else { return };
        let name = &service.name;
        let ids = self.0.entry(key).or_insert_with(|| Ids {
            cpu: id(task.intent, name, "CPUUtilization"),
            memory: id(task.intent, name, "MemoryUtilization"),
        });
        for (id, value) in [(&ids.cpu, load.cpu_percent), (&ids.memory, load.memory_percent)] {
            samples.push(Sample {
                id: id.clone(),
                at,
                unit: Unit::Percent,
                resolution: Resolution::Second,
                values: Values::One(value),
            });
        }
    }

    pub fn forget_ended(&mut self, view: &View) {
        self.0.retain(|key, _| view.live_tasks.contains(key.as_str()));
    }
}

/// Whether the node measured what the task is now, and the task is RUNNING.
pub fn is_measured(task: &TaskColumns<'_>, used: &TaskUse) -> bool {
    let placed = task.placement.and_then(|placement| placement.placed());
    placed.is_some_and(|placed| placed.generation == used.generation)
        && task.last_status() == Phase::Running.as_str()
}

/// `LiveTaskCount` of each service that has tasks between ACTIVATING and DEACTIVATING.
pub fn live_counts(view: &View, at: Timestamp) -> Vec<Sample> {
    let mut counts: BTreeMap<(String, &str, &str), (&TaskIntent, u32)> = BTreeMap::new();
    for task in view.live_tasks.iter().filter_map(|key| view.task(key)) {
        let Some(service) = &task.intent.service else { continue };
        if matches!(task.last_status(), "ACTIVATING" | "RUNNING" | "DEACTIVATING") {
            let key = (task.intent.scope.to_string(), task.intent.cluster.as_str(), service.name.as_str());
            counts.entry(key).or_insert((task.intent, 0)).1 += 1;
        }
    }
    let sample = |((_, _, service), (intent, count)): ((String, &str, &str), (&TaskIntent, u32))| Sample {
        id: id(intent, service, "LiveTaskCount"),
        at,
        unit: Unit::Count,
        resolution: Resolution::Second,
        values: Values::One(f64::from(count)),
    };
    counts.into_iter().map(sample).collect()
}

fn id(intent: &TaskIntent, service: &str, name: &str) -> MetricId {
    let dimensions = [("ClusterName", intent.cluster.as_str()), ("ServiceName", service)];
    MetricId::new(intent.scope.to_string(), NAMESPACE, name, dimensions)
}
