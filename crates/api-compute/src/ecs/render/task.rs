//! A task as DescribeTasks shows it, computed from its column groups and its definition.

use state_model::ecs::task::{
    ObservedContainer, Phase, TaskColumns, TaskContainer, TaskIntent, TaskPlacement,
};
use state_model::ecs::task_definition::{TaskDefinition, TaskDefinitionBody, task_definition_key};
use state_tables::View;
use wire_shapes_compute::ecs as wire;

use super::task_overrides::task_overrides;
use super::{instant, number};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tags {
    Shown,
    Hidden,
}

pub fn task(view: &View, columns: TaskColumns<'_>, tags: Tags) -> wire::Task {
    let intent = columns.intent;
    let definition = definition_of(view, intent);
    let body = definition.map(|definition| &definition.body);
    let times = columns.observation.map(|observation| &observation.times);
    let stop = columns.stop();
    let storage = number(intent.ephemeral_storage_gib);
    let connectivity_at = times.and_then(|times| times.connectivity_at);
    let stopping_at = times.and_then(|times| times.stopping_at);
    wire::Task {
        attachments: Some(vec![attachment(columns)]),
        attributes: Some(vec![wire::Attribute {
            name: Some(String::from("ecs.cpu-architecture")),
            value: Some(intent.cpu_architecture.clone()),
            ..Default::default()
        }]),
        availability_zone: Some(intent.network.availability_zone.clone()),
        capacity_provider_name: intent.capacity_provider_name.clone(),
        cluster_arn: Some(intent.cluster_arn()),
        connectivity: connectivity_at.map(|_| wire::Connectivity::Connected),
        connectivity_at: connectivity_at.map(instant),
        container_instance_arn: None,
        containers: Some(containers(columns, body)),
        cpu: Some(intent.cpu.to_string()),
        created_at: Some(instant(intent.created_at)),
        desired_status: Some(columns.desired_status().to_owned()),
        enable_execute_command: Some(intent.enable_execute_command),
        ephemeral_storage: Some(wire::EphemeralStorage { size_in_gib: Some(storage) }),
        execution_stopped_at: times.and_then(|times| times.execution_stopped_at).map(instant),
        fargate_ephemeral_storage: Some(wire::TaskEphemeralStorage {
            size_in_gib: Some(storage),
            kms_key_id: None,
        }),
        group: Some(intent.group.clone()),
        health_status: columns.observation.map(|_| health(columns, body)),
        inference_accelerators: Some(Vec::new()),
        last_status: Some(columns.last_status().to_owned()),
        launch_type: Some(intent.launch_type.as_str().into()),
        memory: Some(intent.memory_mib.to_string()),
        overrides: Some(task_overrides(intent)),
        platform_family: Some(intent.platform_family.clone()),
        platform_version: Some(intent.platform_version.clone()),
        pull_started_at: times.and_then(|times| times.pull_started_at).map(instant),
        pull_stopped_at: times.and_then(|times| times.pull_stopped_at).map(instant),
        started_at: times.and_then(|times| times.started_at).map(instant),
        started_by: intent.started_by.clone(),
        stop_code: stop.as_ref().map(|stop| stop.code.as_str().into()),
        stopped_at: columns.stopped_at().map(instant),
        stopping_at: stopping_at.or(intent.stop.as_ref().map(|stop| stop.at)).map(instant),
        stopped_reason: stop.map(|stop| stop.reason),
        tags: Some(if tags == Tags::Shown { super::tags(&intent.tags) } else { Vec::new() }),
        task_arn: Some(intent.arn()),
        task_definition_arn: Some(intent.task_definition_arn.clone()),
        trusted_execution_summary: None,
        version: Some(i64::from(columns.version())),
    }
}

/// A definition outlives its tasks: deleting one waits for them.
fn definition_of<'a>(view: &'a View, intent: &TaskIntent) -> Option<&'a TaskDefinition> {
    let key = task_definition_key(&intent.scope, &intent.family, intent.task_revision);
    view.task_definitions.get(&key).map(|row| &**row)
}

fn health(columns: TaskColumns<'_>, body: Option<&TaskDefinitionBody>) -> wire::HealthStatus {
    let counted = |name: &str| {
        let container = body.and_then(|body| body.container(name));
        container.is_some_and(|container| container.is_essential_with_check())
    };
    columns.health(&counted).as_str().into()
}

/// The network interface: known by its subnet before it is attached, and by its last details after it is
/// gone.
fn attachment(columns: TaskColumns<'_>) -> wire::Attachment {
    let network = &columns.intent.network;
    let phase = columns.observation.map(|observation| observation.phase);
    let status = match phase {
        _ if columns.is_stopped() => "DELETED",
        None | Some(Phase::Provisioning) => "PRECREATED",
        Some(_) => "ATTACHED",
    };
    let mut details = vec![detail("subnetId", &network.subnet_id)];
    if let Some(placed) = columns.placement.and_then(TaskPlacement::placed)
        && status != "PRECREATED"
    {
        details.push(detail("networkInterfaceId", &placed.eni_id));
        details.push(detail("macAddress", &placed.mac_address));
        details.push(detail("privateDnsName", &placed.private_dns_name));
        details.push(detail("privateIPv4Address", &placed.address.to_string()));
        if let Some(address) = placed.ipv6_address {
            details.push(detail("ipv6Address", &address.to_string()));
        }
    }
    wire::Attachment {
        id: Some(network.attachment_id.clone()),
        r#type: Some(String::from("ElasticNetworkInterface")),
        status: Some(status.to_owned()),
        details: Some(details),
    }
}

fn detail(name: &str, value: &str) -> wire::KeyValuePair {
    wire::KeyValuePair { name: Some(name.to_owned()), value: Some(value.to_owned()) }
}

fn containers(columns: TaskColumns<'_>, body: Option<&TaskDefinitionBody>) -> Vec<wire::Container> {
    let task_arn = columns.intent.arn();
    let render = |item| container(columns, body, &task_arn, item);
    columns.intent.containers.iter().map(render).collect()
}

fn container(
    columns: TaskColumns<'_>,
    body: Option<&TaskDefinitionBody>,
    task_arn: &str,
    identity: &TaskContainer,
) -> wire::Container {
    let intent = columns.intent;
    let definition = body.and_then(|body| body.container(&identity.name));
    let over = intent.overrides.containers.iter().find(|item| item.name == identity.name);
    let observed = columns.observation.and_then(|observation| {
        observation.containers.iter().find(|container| container.name == identity.name)
    });
    let cpu = over.and_then(|over| over.cpu).or(definition.map(|definition| definition.cpu));
    let memory = over.and_then(|over| over.memory).or(definition.and_then(|definition| definition.memory));
    let reservation = over
        .and_then(|over| over.memory_reservation)
        .or(definition.and_then(|definition| definition.memory_reservation));
    wire::Container {
        container_arn: Some(intent.container_arn(identity)),
        task_arn: Some(task_arn.to_owned()),
        name: Some(identity.name.clone()),
        image: definition.map(|definition| definition.image.clone()),
        image_digest: observed.and_then(|observed| observed.image_digest.clone()),
        runtime_id: observed.map(|_| identity.runtime_id.clone()),
        last_status: Some(container_status(columns, observed).to_owned()),
        exit_code: observed.and_then(|observed| observed.exit_code),
        reason: observed.and_then(|observed| observed.reason.clone()),
        network_bindings: Some(Vec::new()),
        network_interfaces: Some(interfaces(columns)),
        health_status: observed.map(|observed| observed.health.as_str().into()),
        managed_agents: Some(Vec::new()),
        cpu: Some(cpu.unwrap_or(0).to_string()),
        memory: memory.map(|mib| mib.to_string()),
        memory_reservation: reservation.map(|mib| mib.to_string()),
        gpu_ids: Some(Vec::new()),
        ..Default::default()
    }
}

/// No container outlives its task, also where no node has told of it.
fn container_status(columns: TaskColumns<'_>, observed: Option<&ObservedContainer>) -> &'static str {
    if columns.is_stopped() {
        return "STOPPED";
    }
    observed.map_or("PENDING", |observed| observed.status.as_str())
}

/// Shown once the interface is attached.
fn interfaces(columns: TaskColumns<'_>) -> Vec<wire::NetworkInterface> {
    let attached = columns.observation.is_some_and(|observation| observation.phase > Phase::Provisioning);
    match columns.placement.and_then(TaskPlacement::placed) {
        Some(placed) if attached => vec![wire::NetworkInterface {
            attachment_id: Some(columns.intent.network.attachment_id.clone()),
            private_ipv4_address: Some(placed.address.to_string()),
            ipv6_address: placed.ipv6_address.map(|address| address.to_string()),
        }],
        _ => Vec::new(),
    }
}
