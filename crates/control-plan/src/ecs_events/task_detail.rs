//! The `detail` of a task's state change: the task as DescribeTasks shows it, but for its health and tags, and with times as
//! texts.

use serde_json::{Map, Value, json};
use state_model::ecs::task::{
    ContainerOverride, ObservedContainer, Phase, TaskColumns, TaskContainer, TaskPlacement,
};
use state_model::ecs::task_definition::{TaskDefinitionBody, task_definition_key};
use state_tables::View;
use stdx::clock::Timestamp;

pub fn of(view: &View, task: TaskColumns<'_>, now: Timestamp) -> Value {
    let intent = task.intent;
    let key = task_definition_key(&intent.scope, &intent.family, intent.task_revision);
    let definition = view.task_definitions.get(&key).map(|row| &row.body);
    let containers: Vec<Value> =
        intent.containers.iter().map(|container| of_container(task, definition, container)).collect();
    let mut detail = Detail::default();
    detail.put("attachments", json!([attachment(task)]));
    detail.put("attributes", json!([{ "name": "ecs.cpu-architecture", "value": intent.cpu_architecture }]));
    detail.put("availabilityZone", intent.network.availability_zone.as_str());
    detail.maybe("capacityProviderName", intent.capacity_provider_name.as_deref());
    detail.put("clusterArn", intent.cluster_arn());
    let times = task.observation.map(|observation| &observation.times);
    let connectivity_at = times.and_then(|times| times.connectivity_at);
    detail.maybe("connectivity", connectivity_at.map(|_| "CONNECTED"));
    detail.time("connectivityAt", connectivity_at);
    detail.put("containers", containers);
    detail.put("cpu", intent.cpu.to_string());
    detail.time("createdAt", Some(intent.created_at));
    detail.put("desiredStatus", task.desired_status());
    detail.put("enableExecuteCommand", intent.enable_execute_command);
    detail.put("ephemeralStorage", json!({ "sizeInGiB": intent.ephemeral_storage_gib }));
    detail.time("executionStoppedAt", times.and_then(|times| times.execution_stopped_at));
    detail.put("group", intent.group.as_str());
    detail.put("launchType", intent.launch_type.as_str());
    detail.put("lastStatus", task.last_status());
    detail.put("memory", intent.memory_mib.to_string());
    detail.put("overrides", overrides(task));
    detail.put("platformVersion", intent.platform_version.as_str());
    detail.time("pullStartedAt", times.and_then(|times| times.pull_started_at));
    detail.time("pullStoppedAt", times.and_then(|times| times.pull_stopped_at));
    detail.time("startedAt", times.and_then(|times| times.started_at));
    detail.maybe("startedBy", intent.started_by.as_deref());
    let stopping_at = times.and_then(|times| times.stopping_at);
    detail.time("stoppingAt", stopping_at.or(intent.stop.as_ref().map(|stop| stop.at)));
    detail.time("stoppedAt", task.stopped_at());
    let stop = task.stop();
    detail.maybe("stopCode", stop.as_ref().map(|stop| stop.code.as_str()));
    detail.maybe("stoppedReason", stop.as_ref().map(|stop| stop.reason.as_str()));
    detail.put("taskArn", intent.arn());
    detail.put("taskDefinitionArn", intent.task_definition_arn.as_str());
    detail.time("updatedAt", Some(now));
    detail.put("version", task.version());
    Value::Object(detail.0)
}

#[derive(Default)]
struct Detail(Map<String, Value>);

impl Detail {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn maybe(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    fn time(&mut self, name: &str, at: Option<Timestamp>) {
        self.maybe(name, at.map(Timestamp::to_rfc3339_millis));
    }
}

fn attachment(task: TaskColumns<'_>) -> Value {
    let network = &task.intent.network;
    let status = match task.observation.map(|observation| observation.phase) {
        _ if task.is_stopped() => "DELETED",
        None | Some(Phase::Provisioning) => "PRECREATED",
        Some(_) => "ATTACHED",
    };
    let mut details = vec![json!({ "name": "subnetId", "value": network.subnet_id })];
    if let Some(placed) = task.placement.and_then(TaskPlacement::placed)
        && status != "PRECREATED"
    {
        details.push(json!({ "name": "networkInterfaceId", "value": placed.eni_id }));
        details.push(json!({ "name": "macAddress", "value": placed.mac_address }));
        details.push(json!({ "name": "privateDnsName", "value": placed.private_dns_name }));
        details.push(json!({ "name": "privateIPv4Address", "value": placed.address.to_string() }));
        if let Some(address) = placed.ipv6_address {
            details.push(json!({ "name": "ipv6Address", "value": address.to_string() }));
        }
    }
    json!({ "id": network.attachment_id, "type": "eni", "status": status, "details": details })
}

fn of_container(
    task: TaskColumns<'_>,
    definition: Option<&TaskDefinitionBody>,
    container: &TaskContainer,
) -> Value {
    let intent = task.intent;
    let defined = definition.and_then(|body| body.container(&container.name));
    let over = override_of(task, &container.name);
    let find = |item: &&ObservedContainer| item.name == container.name;
    let observed = task.observation.and_then(|observation| observation.containers.iter().find(find));
    let status = match observed {
        _ if task.is_stopped() => "STOPPED",
        Some(observed) => observed.status.as_str(),
        None => "PENDING",
    };
    let mut detail = Detail::default();
    detail.put("containerArn", intent.container_arn(container));
    detail.maybe("exitCode", observed.and_then(|observed| observed.exit_code));
    detail.put("lastStatus", status);
    detail.put("name", container.name.as_str());
    detail.maybe("image", defined.map(|defined| defined.image.as_str()));
    detail.maybe("imageDigest", observed.and_then(|observed| observed.image_digest.as_deref()));
    detail.maybe("reason", observed.and_then(|observed| observed.reason.as_deref()));
    detail.maybe("runtimeId", observed.map(|_| container.runtime_id.as_str()));
    detail.put("taskArn", intent.arn());
    detail.put("networkInterfaces", interfaces(task));
    let cpu = over.and_then(|over| over.cpu).or(defined.map(|defined| defined.cpu));
    detail.put("cpu", cpu.unwrap_or(0).to_string());
    let memory = over.and_then(|over| over.memory).or(defined.and_then(|defined| defined.memory));
    detail.maybe("memory", memory.map(|mib| mib.to_string()));
    let reservation = over
        .and_then(|over| over.memory_reservation)
        .or(defined.and_then(|defined| defined.memory_reservation));
    detail.maybe("memoryReservation", reservation.map(|mib| mib.to_string()));
    Value::Object(detail.0)
}

/// Once the interface is attached.
fn interfaces(task: TaskColumns<'_>) -> Value {
    let is_attached = task.observation.is_some_and(|observation| observation.phase > Phase::Provisioning);
    match task.placement.and_then(TaskPlacement::placed) {
        Some(placed) if is_attached => {
            let mut detail = Detail::default();
            detail.put("attachmentId", task.intent.network.attachment_id.as_str());
            detail.put("privateIpv4Address", placed.address.to_string());
            detail.maybe("ipv6Address", placed.ipv6_address.map(|address| address.to_string()));
            json!([Value::Object(detail.0)])
        }
        _ => json!([]),
    }
}

fn override_of<'a>(task: TaskColumns<'a>, name: &str) -> Option<&'a ContainerOverride> {
    task.intent.overrides.containers.iter().find(|over| over.name == name)
}

/// Every container has an entry.
fn overrides(task: TaskColumns<'_>) -> Value {
    let given = &task.intent.overrides;
    let containers: Vec<Value> = task
        .intent
        .containers
        .iter()
        .map(|container| container_override(&container.name, override_of(task, &container.name)))
        .collect();
    let mut detail = Detail::default();
    detail.put("containerOverrides", containers);
    detail.maybe("cpu", given.cpu.as_deref());
    detail.maybe("memory", given.memory.as_deref());
    detail.maybe("executionRoleArn", given.execution_role_arn.as_deref());
    detail.maybe("taskRoleArn", given.task_role_arn.as_deref());
    detail.maybe("ephemeralStorage", given.ephemeral_storage_gib.map(|gib| json!({ "sizeInGiB": gib })));
    Value::Object(detail.0)
}

fn container_override(name: &str, over: Option<&ContainerOverride>) -> Value {
    let mut detail = Detail::default();
    if let Some(over) = over {
        detail.maybe("command", over.command.clone());
        if !over.environment.is_empty() {
            let pairs = over.environment.iter();
            let pairs: Vec<Value> =
                pairs.map(|pair| json!({ "name": pair.name, "value": pair.value })).collect();
            detail.put("environment", pairs);
        }
        if !over.environment_files.is_empty() {
            let files = over.environment_files.iter();
            let files: Vec<Value> = files.map(|file| json!({ "value": file.value, "type": "s3" })).collect();
            detail.put("environmentFiles", files);
        }
        detail.maybe("cpu", over.cpu);
        detail.maybe("memory", over.memory);
        detail.maybe("memoryReservation", over.memory_reservation);
    }
    detail.put("name", name);
    Value::Object(detail.0)
}
