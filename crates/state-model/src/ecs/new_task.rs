//! The intent of a new task: the same whether a request or a service asks for it.

use std::collections::BTreeMap;

use stdx::clock::Timestamp;
use stdx::random::{self, Random};

use crate::Scope;
use crate::ec2::Subnet;
use crate::ecs::service::{PropagateTags, Service};
use crate::ecs::service_revision::ServiceRevision;
use crate::ecs::task::{TaskContainer, TaskIntent, TaskNetwork, TaskOverrides, TaskService};
use crate::ecs::task_definition::{EPHEMERAL_STORAGE_GIB_DEFAULT, TaskDefinition, TaskDefinitionBody};

/// The only platform version there is; `LATEST` means it.
pub const PLATFORM_VERSION: &str = "1.4.0";
pub const PLATFORM_FAMILY: &str = "Linux";

const TASK_ID_DIGITS: usize = 32;
const RUNTIME_ID_DIGITS: usize = 10;

/// What is decided about a task before it exists.
#[derive(Clone, Copy, Debug)]
pub struct NewTask<'a> {
    pub scope: &'a Scope,
    /// The cluster's name.
    pub cluster: &'a str,
    pub definition: &'a TaskDefinition,
    pub overrides: &'a TaskOverrides,
    pub size: TaskSize,
    /// None with the launch type FARGATE.
    pub capacity_provider: Option<&'a str>,
    pub group: &'a str,
    pub started_by: Option<&'a str>,
    pub service: Option<&'a TaskService>,
    pub subnet: &'a Subnet,
    /// Ids, never empty: whoever decides has put in the VPC's default group where none was given.
    pub security_groups: &'a [String],
    pub assign_public_ip: bool,
    pub enable_execute_command: bool,
    pub created_at: Timestamp,
    /// An ARN.
    pub created_by: &'a str,
    pub tags: &'a BTreeMap<String, String>,
}

/// What a task takes as a whole, overrides applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskSize {
    /// CPU units.
    pub cpu: u32,
    pub memory_mib: u32,
    pub ephemeral_storage_gib: u32,
}

impl TaskSize {
    /// As the definition says, which for Fargate always has both.
    pub fn of(body: &TaskDefinitionBody) -> Self {
        Self {
            cpu: body.cpu.unwrap_or_default(),
            memory_mib: body.memory_mib.unwrap_or_default(),
            ephemeral_storage_gib: body.ephemeral_storage_gib.unwrap_or(EPHEMERAL_STORAGE_GIB_DEFAULT),
        }
    }
}

/// The intent, with new ids.
pub fn new_task(task: &NewTask<'_>, random: &dyn Random) -> TaskIntent {
    let definition = task.definition;
    let id = random::hex(random, TASK_ID_DIGITS);
    let containers = definition.body.container_definitions.iter();
    TaskIntent {
        scope: task.scope.clone(),
        cluster: task.cluster.to_owned(),
        task_definition_arn: definition.arn(),
        family: definition.family.clone(),
        task_revision: definition.revision,
        overrides: task.overrides.clone(),
        cpu: task.size.cpu,
        memory_mib: task.size.memory_mib,
        ephemeral_storage_gib: task.size.ephemeral_storage_gib,
        launch_type: String::from("FARGATE"),
        capacity_provider_name: task.capacity_provider.map(str::to_owned),
        platform_version: String::from(PLATFORM_VERSION),
        platform_family: String::from(PLATFORM_FAMILY),
        cpu_architecture: String::from(if definition.body.is_arm() { "arm64" } else { "x86_64" }),
        group: task.group.to_owned(),
        started_by: task.started_by.map(str::to_owned),
        service: task.service.cloned(),
        enable_execute_command: task.enable_execute_command,
        network: interface(task, random),
        containers: containers.map(|item| container(&id, &item.name, random)).collect(),
        created_at: task.created_at,
        created_by: task.created_by.to_owned(),
        stop: None,
        protection: None,
        tags: task.tags.clone(),
        changes: 0,
        id,
    }
}

/// What a service decides for one of its tasks; everything else follows from the service and its revision.
#[derive(Clone, Copy, Debug)]
pub struct NewServiceTask<'a> {
    pub service: &'a Service,
    pub revision: &'a ServiceRevision,
    pub definition: &'a TaskDefinition,
    /// None when the revision has a launch type.
    pub capacity_provider: Option<&'a str>,
    /// One of the revision's.
    pub subnet: &'a Subnet,
    /// Ids, never empty: see [`NewTask::security_groups`].
    pub security_groups: &'a [String],
    pub now: Timestamp,
}

/// The intent of a service's next task.
pub fn new_service_task(task: &NewServiceTask<'_>, random: &dyn Random) -> TaskIntent {
    let (service, revision) = (task.service, task.revision);
    let of_service =
        TaskService { name: service.name.clone(), uid: service.uid.clone(), revision: revision.id.clone() };
    let task = NewTask {
        scope: &service.scope,
        cluster: &service.cluster,
        definition: task.definition,
        overrides: &TaskOverrides::default(),
        size: TaskSize::of(&task.definition.body),
        capacity_provider: task.capacity_provider,
        group: &service.task_group(),
        started_by: Some(&revision.deployment_id()),
        service: Some(&of_service),
        subnet: task.subnet,
        security_groups: task.security_groups,
        assign_public_ip: revision.network.assign_public_ip,
        enable_execute_command: service.enable_execute_command,
        created_at: task.now,
        created_by: &service.created_by,
        tags: &service_task_tags(service, task.definition),
    };
    new_task(&task, random)
}

/// The tags of a service's new task: what the service propagates, and those that ECS manages.
pub fn service_task_tags(service: &Service, definition: &TaskDefinition) -> BTreeMap<String, String> {
    let mut tags = match service.propagate_tags {
        PropagateTags::None => BTreeMap::new(),
        PropagateTags::TaskDefinition => definition.tags.clone(),
        PropagateTags::Service => service.tags.clone(),
    };
    if service.enable_ecs_managed_tags {
        tags.insert(String::from("aws:ecs:clusterName"), service.cluster.clone());
        tags.insert(String::from("aws:ecs:serviceName"), service.name.clone());
    }
    tags
}

fn interface(task: &NewTask<'_>, random: &dyn Random) -> TaskNetwork {
    TaskNetwork {
        attachment_id: random::uuid(random),
        subnet_id: task.subnet.id.clone(),
        availability_zone: task.subnet.availability_zone.clone(),
        security_groups: task.security_groups.to_vec(),
        assign_public_ip: task.assign_public_ip,
    }
}

fn container(task_id: &str, name: &str, random: &dyn Random) -> TaskContainer {
    TaskContainer {
        name: name.to_owned(),
        id: random::uuid(random),
        runtime_id: format!("{task_id}-{}", random::digits(random, RUNTIME_ID_DIGITS)),
    }
}
