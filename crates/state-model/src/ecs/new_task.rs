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
        stopped_tags: None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_new_and_belong_together() {
        use crate::ecs::container_definition::ContainerDefinition;
        use crate::ecs::task_definition::TaskDefinitionStatus;
        let scope = Scope::new("000000000000", "us-east-1");
        let container = |name: &str| ContainerDefinition { name: name.into(), ..Default::default() };
        let definition = TaskDefinition {
            scope: scope.clone(),
            family: "web".into(),
            revision: 3,
            status: TaskDefinitionStatus::Active,
            registered_at: Timestamp::from_secs(0),
            registered_by: String::new(),
            deregistered_at: None,
            delete_requested_at: None,
            tags: BTreeMap::new(),
            compatibilities: Vec::new(),
            requires_attributes: Vec::new(),
            body: TaskDefinitionBody {
                container_definitions: vec![container("app"), container("side")],
                cpu: Some(256),
                memory_mib: Some(512),
                ..Default::default()
            },
        };
        let subnet = Subnet {
            scope: scope.clone(),
            id: "subnet-1".into(),
            vpc_id: "vpc-1".into(),
            cidr_block: "172.31.0.0/20".into(),
            availability_zone: "us-east-1a".into(),
            availability_zone_id: "use1-az1".into(),
            default_for_az: true,
            map_public_ip_on_launch: true,
            ipv6_block: None,
            assign_ipv6_address_on_creation: false,
            hostname_type: None,
            enable_resource_name_dns_a_record: false,
            enable_resource_name_dns_aaaa_record: false,
            tags: BTreeMap::new(),
        };
        let task = NewTask {
            scope: &scope,
            cluster: "default",
            definition: &definition,
            overrides: &TaskOverrides::default(),
            size: TaskSize::of(&definition.body),
            capacity_provider: Some("FARGATE_SPOT"),
            group: "family:web",
            started_by: None,
            service: None,
            subnet: &subnet,
            security_groups: &[String::from("sg-1")],
            assign_public_ip: true,
            enable_execute_command: false,
            created_at: Timestamp::from_secs(1),
            created_by: "me",
            tags: &BTreeMap::new(),
        };
        let random = random::SeededRandom::shared(1);
        let (one, other) = (new_task(&task, &*random), new_task(&task, &*random));
        assert_ne!(one.id, other.id);
        assert_ne!(one.network.attachment_id, other.network.attachment_id);
        assert_eq!((one.cpu, one.memory_mib, one.ephemeral_storage_gib), (256, 512, 20));
        assert_eq!(one.network.availability_zone, "us-east-1a");
        let names: Vec<_> = one.containers.iter().map(|container| container.name.as_str()).collect();
        assert_eq!(names, ["app", "side"]);
        assert!(one.containers.iter().all(|container| container.runtime_id.starts_with(&one.id)));
    }
}
