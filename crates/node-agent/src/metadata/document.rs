//! The metadata documents, as pure functions of what is known.
//!
//! Source: "Amazon ECS task metadata endpoint version 4 for tasks on Fargate" in the ECS Developer Guide.

use serde_json::{Map, Value, json};
use state_model::ec2::subnet::Ipv4Block;
use state_model::ecs::container_definition::ContainerDefinition;
use state_model::ecs::task::{ContainerStatus, Health, ObservedContainer, Phase, TaskContainer};
use stdx::clock::Timestamp;

use crate::facts::{ContainerFacts, TaskFacts};

/// What the path asked for; later versions say more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    V2,
    V3,
    V4,
}

/// Docker's smallest share: what a container without CPU units reports.
const CPU_SHARES_MIN: u32 = 2;

/// What Fargate reserves beyond the storage that tasks ask for.
const STORAGE_RESERVED_EXTRA_MIB: u64 = 16;

/// The agent has no time source of its own to compare with: it reports the bound that Amazon Time documents for a clock
/// that is kept by the host.
const CLOCK_STATUS_UNKNOWN: &str = "NOT_SYNCHRONIZED";

/// `storage_used_mib` is absent when the task's storage can't be read, as before its start.
pub fn task(version: Version, facts: &TaskFacts, storage_used_mib: Option<u64>, now: Timestamp) -> Value {
    let intent = &facts.assignment.intent;
    let times = &facts.observation.times;
    let mut document = Map::new();
    let mut put = |key: &str, value: Value| {
        document.insert(key.to_owned(), value);
    };
    put("Cluster", intent.cluster_arn().into());
    put("TaskARN", intent.arn().into());
    put("Family", intent.family.clone().into());
    put("Revision", intent.task_revision.to_string().into());
    put("DesiredStatus", desired_status(facts).into());
    put("KnownStatus", known_task_status(facts.observation.phase).into());
    put("Limits", json!({ "CPU": f64::from(intent.cpu) / 1024.0, "Memory": intent.memory_mib }));
    put_time(&mut put, "PullStartedAt", times.pull_started_at);
    put_time(&mut put, "PullStoppedAt", times.pull_stopped_at);
    put_time(&mut put, "ExecutionStoppedAt", times.execution_stopped_at);
    put("AvailabilityZone", intent.network.availability_zone.clone().into());
    put("Containers", facts.each_container().map(|item| container(version, facts, item)).collect());
    if version == Version::V4 {
        put("LaunchType", intent.launch_type.clone().into());
        put("Group", intent.group.clone().into());
        if let Some(service) = intent.group.strip_prefix("service:") {
            put("ServiceName", service.into());
        }
        put("ClockDrift", clock_drift(now));
        let reserved = u64::from(intent.ephemeral_storage_gib) * 1024 + STORAGE_RESERVED_EXTRA_MIB;
        if let Some(used) = storage_used_mib {
            put("EphemeralStorageMetrics", json!({ "Utilized": used, "Reserved": reserved }));
        }
        let fault_injection = facts.assignment.definition.body.enable_fault_injection.unwrap_or(false);
        put("FaultInjectionEnabled", fault_injection.into());
    }
    Value::Object(document)
}

pub fn container(
    version: Version,
    facts: &TaskFacts,
    (definition, identity): (&ContainerDefinition, &TaskContainer),
) -> Value {
    let known = ContainerFacts::default();
    let known = facts.containers.get(&identity.name).unwrap_or(&known);
    let observed = facts.observation.containers.iter().find(|item| item.name == identity.name);
    let mut document = Map::new();
    let mut put = |key: &str, value: Value| {
        document.insert(key.to_owned(), value);
    };
    put("DockerId", identity.runtime_id.clone().into());
    put("Name", identity.name.clone().into());
    put("DockerName", identity.name.clone().into());
    put("Image", definition.image.clone().into());
    put("ImageID", known.image_id.clone().unwrap_or_default().into());
    if let Some(ports) = ports(definition) {
        put("Ports", ports);
    }
    put("Labels", labels(facts, definition));
    put("DesiredStatus", desired_status(facts).into());
    put("KnownStatus", known_container_status(observed, known).into());
    if let Some(exit_code) = observed.and_then(|observed| observed.exit_code) {
        put("ExitCode", exit_code.into());
    }
    put("Limits", limits(definition));
    put_time(&mut put, "CreatedAt", known.created_at);
    put_time(&mut put, "StartedAt", observed.and_then(|observed| observed.started_at));
    put_time(&mut put, "FinishedAt", observed.and_then(|observed| observed.finished_at));
    put("Type", "NORMAL".into());
    if definition.health_check.is_some() {
        put("Health", health(observed, known));
    }
    put("Networks", json!([network(version, facts)]));
    if version == Version::V4 {
        put_v4(&mut put, facts, definition, identity, known);
        if definition.restart_policy.as_ref().is_some_and(|policy| policy.enabled) {
            put("RestartCount", observed.map_or(0, |observed| observed.restart_count).into());
        }
    }
    Value::Object(document)
}

fn put_v4(
    put: &mut dyn FnMut(&str, Value),
    facts: &TaskFacts,
    definition: &ContainerDefinition,
    identity: &TaskContainer,
    known: &ContainerFacts,
) {
    put("ContainerARN", facts.assignment.intent.container_arn(identity).into());
    put("Snapshotter", "overlayfs".into());
    let Some(log) = &definition.log_configuration else { return };
    put("LogDriver", log.log_driver.clone().into());
    let mut options: Map<String, Value> = Map::new();
    for (name, value) in log.options.iter().flatten() {
        // The prefix is shown as part of the stream's full name.
        if name != "awslogs-stream-prefix" {
            options.insert(name.clone(), value.clone().into());
        }
    }
    if let Some(stream) = &known.log_stream {
        options.insert(String::from("awslogs-stream"), stream.clone().into());
    }
    put("LogOptions", Value::Object(options));
}

fn put_time(put: &mut dyn FnMut(&str, Value), key: &str, at: Option<Timestamp>) {
    if let Some(at) = at {
        put(key, at.to_rfc3339_millis().into());
    }
}

fn ports(definition: &ContainerDefinition) -> Option<Value> {
    let ports: Vec<Value> = definition
        .port_mappings
        .iter()
        .filter_map(|mapping| {
            let port = mapping.container_port?;
            Some(json!({ "ContainerPort": port, "Protocol": mapping.protocol.as_str() }))
        })
        .collect();
    (!ports.is_empty()).then(|| ports.into())
}

fn labels(facts: &TaskFacts, definition: &ContainerDefinition) -> Value {
    let intent = &facts.assignment.intent;
    let mut labels: Map<String, Value> = definition
        .docker_labels
        .iter()
        .flatten()
        .map(|(name, value)| (name.clone(), Value::from(value.clone())))
        .collect();
    for (name, value) in [
        ("cluster", intent.cluster_arn()),
        ("container-name", definition.name.clone()),
        ("task-arn", intent.arn()),
        ("task-definition-family", intent.family.clone()),
        ("task-definition-version", intent.task_revision.to_string()),
    ] {
        labels.insert(format!("com.amazonaws.ecs.{name}"), value.into());
    }
    Value::Object(labels)
}

fn limits(definition: &ContainerDefinition) -> Value {
    let mut limits = Map::new();
    limits.insert(String::from("CPU"), definition.cpu.max(CPU_SHARES_MIN).into());
    if let Some(memory) = definition.memory {
        limits.insert(String::from("Memory"), memory.into());
    }
    Value::Object(limits)
}

fn health(observed: Option<&ObservedContainer>, known: &ContainerFacts) -> Value {
    let status = observed.map_or(Health::Unknown, |observed| observed.health);
    match &known.health {
        None => json!({ "status": status.as_str() }),
        Some(probe) => json!({
            "status": status.as_str(),
            "statusSince": probe.since.to_rfc3339_millis(),
            "exitCode": probe.exit_code,
            "output": probe.output,
        }),
    }
}

fn network(version: Version, facts: &TaskFacts) -> Value {
    let interface = &facts.assignment.interface;
    let mut short = json!({ "NetworkMode": "awsvpc", "IPv4Addresses": [interface.address] });
    if !interface.ipv6_addresses.is_empty() && version == Version::V4 {
        short["IPv6Addresses"] = json!(interface.ipv6_addresses);
    }
    let block = Ipv4Block::parse(&interface.subnet_cidr_block).filter(|_| version == Version::V4);
    let (Some(block), Value::Object(mut document)) = (block, short.clone()) else { return short };
    let names = facts.assignment.names();
    document.insert(String::from("AttachmentIndex"), 0.into());
    document.insert(String::from("MACAddress"), interface.mac_address.clone().into());
    document.insert(String::from("IPv4SubnetCIDRBlock"), interface.subnet_cidr_block.clone().into());
    if let Some(block) = &interface.subnet_ipv6_cidr_block {
        document.insert(String::from("IPv6SubnetCIDRBlock"), block.clone().into());
    }
    document.insert(String::from("DomainNameServers"), json!(names.servers));
    document.insert(String::from("DomainNameSearchList"), json!(names.domains));
    document.insert(String::from("PrivateDNSName"), interface.private_dns_name.clone().into());
    let gateway = format!("{}/{}", block.router(), block.prefix_length);
    document.insert(String::from("SubnetGatewayIpv4Address"), gateway.into());
    Value::Object(document)
}

fn clock_drift(now: Timestamp) -> Value {
    json!({ "ReferenceTimestamp": now.to_rfc3339_millis(), "ClockSynchronizationStatus": CLOCK_STATUS_UNKNOWN })
}

fn desired_status(facts: &TaskFacts) -> &'static str {
    let ending = facts.observation.stop.is_some() || facts.observation.phase >= Phase::Stopping;
    if ending { "STOPPED" } else { "RUNNING" }
}

fn known_task_status(phase: Phase) -> &'static str {
    match phase {
        Phase::Provisioning => "NONE",
        Phase::Pending => "PULLED",
        Phase::Activating => "CREATED",
        Phase::Running | Phase::Stopping => "RUNNING",
        Phase::Deprovisioning | Phase::Stopped => "STOPPED",
    }
}

fn known_container_status(observed: Option<&ObservedContainer>, known: &ContainerFacts) -> &'static str {
    match observed.map(|observed| observed.status) {
        Some(ContainerStatus::Running) => "RUNNING",
        Some(ContainerStatus::Stopped) => "STOPPED",
        _ if known.created_at.is_some() => "CREATED",
        _ if known.image_id.is_some() => "PULLED",
        _ => "NONE",
    }
}
