//! The performance log events of Container Insights: what of a minute is known, as JSON.
//!
//! Source: "Container Insights performance log events for Amazon ECS" in the CloudWatch User Guide.

use control_plan::measure::{ContainerMinute, TaskMinute};
use serde_json::{Map, Value, json};
use state_model::ecs::cluster::Cluster;
use state_model::ecs::container_definition::ContainerDefinition;
use state_model::ecs::service::Service;
use state_model::ecs::task::{ContainerStatus, TaskColumns};
use state_telemetry::metrics::Unit;
use stdx::clock::Timestamp;

use super::insights::{Figure, Figures};

#[derive(Debug)]
pub struct TaskFigures<'a> {
    pub task: TaskColumns<'a>,
    pub used: &'a TaskMinute,
    pub figures: Vec<Figure>,
}

#[derive(Clone, Copy, Debug)]
pub struct ServiceFigures {
    pub desired: u32,
    pub running: usize,
    pub pending: usize,
    pub deployments: usize,
}

impl ServiceFigures {
    pub fn figures(self) -> Vec<Figure> {
        vec![
            ("DesiredTaskCount", Unit::Count, f64::from(self.desired)),
            ("RunningTaskCount", Unit::Count, self.running as f64),
            ("PendingTaskCount", Unit::Count, self.pending as f64),
            ("DeploymentCount", Unit::Count, self.deployments as f64),
            // Of external deployment controllers, which aren't served.
            ("TaskSetCount", Unit::Count, 0.0),
        ]
    }
}

/// CPU units and MiB that a container has of its own.
pub fn reserved(container: &ContainerDefinition) -> (f64, f64) {
    let memory = container.memory_reservation.or(container.memory).unwrap_or(0);
    (f64::from(container.cpu), f64::from(memory))
}

pub fn task(told: &TaskFigures<'_>, metrics: &Figures, at: Timestamp) -> String {
    let intent = told.task.intent;
    let observation = told.task.observation;
    let times = observation.map(|observation| &observation.times);
    let mut event = event("Task", at);
    event.extend(object(json!({
        "TaskId": intent.id,
        "TaskDefinitionFamily": intent.family,
        "TaskDefinitionRevision": intent.task_revision.to_string(),
        "ClusterName": intent.cluster,
        "AccountID": intent.scope.account,
        "Region": intent.scope.region,
        "AvailabilityZone": intent.network.availability_zone,
        "KnownStatus": told.task.last_status(),
        "LaunchType": intent.launch_type,
        "CreatedAt": intent.created_at.as_millis(),
    })));
    add_service(&mut event, &told.task);
    for (name, time) in [
        ("PullStartedAt", times.and_then(|times| times.pull_started_at)),
        ("PullStoppedAt", times.and_then(|times| times.pull_stopped_at)),
        ("StartedAt", times.and_then(|times| times.started_at)),
    ] {
        if let Some(time) = time {
            event.insert(name.to_owned(), time.as_millis().into());
        }
    }
    add_network(&mut event, told.used);
    add_figures(&mut event, &told.figures);
    text(event, metrics)
}

pub fn container(
    told: &TaskFigures<'_>,
    container: &ContainerDefinition,
    used: &ContainerMinute,
    metrics: &Figures,
    at: Timestamp,
) -> String {
    let intent = told.task.intent;
    let observed = told.task.observation.map_or(&[][..], |observation| &observation.containers);
    let status = observed.iter().find(|one| one.name == container.name).map(|one| one.status);
    let (cpu, memory) = reserved(container);
    let mut event = event("Container", at);
    event.extend(object(json!({
        "ContainerName": container.name,
        "TaskId": intent.id,
        "TaskDefinitionFamily": intent.family,
        "TaskDefinitionRevision": intent.task_revision.to_string(),
        "ClusterName": intent.cluster,
        "Image": container.image,
        "ContainerKnownStatus": status.unwrap_or(ContainerStatus::Pending).as_str(),
        "CpuUtilized": used.cpu_units(),
        "CpuReserved": cpu,
        "MemoryUtilized": used.memory_mib(),
        "MemoryReserved": memory,
        "StorageReadBytes": used.read_bytes_per_second(),
        "StorageWriteBytes": used.write_bytes_per_second(),
    })));
    add_service(&mut event, &told.task);
    // The containers of a task share its interface.
    add_network(&mut event, told.used);
    add_figures(&mut event, &metrics.figures);
    text(event, metrics)
}

pub fn service(service: &Service, metrics: &Figures, at: Timestamp) -> String {
    let mut event = event("Service", at);
    event.insert("ServiceName".into(), service.name.clone().into());
    event.insert("ClusterName".into(), service.cluster.clone().into());
    add_figures(&mut event, &metrics.figures);
    text(event, metrics)
}

pub fn cluster(cluster: &Cluster, metrics: &Figures, at: Timestamp) -> String {
    let mut event = event("Cluster", at);
    event.insert("ClusterName".into(), cluster.name.clone().into());
    add_figures(&mut event, &metrics.figures);
    text(event, metrics)
}

fn event(kind: &str, at: Timestamp) -> Map<String, Value> {
    object(json!({ "Version": "0", "Type": kind, "Timestamp": at.as_millis() }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn add_service(event: &mut Map<String, Value>, task: &TaskColumns<'_>) {
    if let Some(service) = &task.intent.service {
        event.insert("ServiceName".into(), service.name.clone().into());
    }
}

/// Per second, as the metrics of the same names.
fn add_network(event: &mut Map<String, Value>, used: &TaskMinute) {
    let network = &used.network;
    if network.elapsed_ns == 0 {
        return;
    }
    let seconds = network.elapsed_ns as f64 / 1e9;
    for (name, amount) in [
        ("NetworkRxBytes", network.rx_bytes),
        ("NetworkRxDropped", network.rx_dropped),
        ("NetworkRxErrors", network.rx_errors),
        ("NetworkRxPackets", network.rx_packets),
        ("NetworkTxBytes", network.tx_bytes),
        ("NetworkTxDropped", network.tx_dropped),
        ("NetworkTxErrors", network.tx_errors),
        ("NetworkTxPackets", network.tx_packets),
    ] {
        event.insert(name.to_owned(), (amount as f64 / seconds).into());
    }
}

fn add_figures(event: &mut Map<String, Value>, figures: &[Figure]) {
    for (name, unit, value) in figures {
        // Counts are whole numbers.
        let value = if *unit == Unit::Count { Value::from(*value as i64) } else { Value::from(*value) };
        event.insert((*name).to_owned(), value);
    }
}

/// With which of its members are metrics, and under which dimensions.
fn text(mut event: Map<String, Value>, metrics: &Figures) -> String {
    if !metrics.figures.is_empty() {
        let named =
            metrics.figures.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit.as_str() }));
        let names =
            |set: &super::DimensionList| set.iter().map(|(name, _)| Value::from(*name)).collect::<Value>();
        let described = json!([{
            "Namespace": "ECS/ContainerInsights",
            "Metrics": named.collect::<Value>(),
            "Dimensions": metrics.sets.iter().map(names).collect::<Value>(),
        }]);
        event.insert("CloudWatchMetrics".into(), described);
    }
    Value::Object(event).to_string()
}
