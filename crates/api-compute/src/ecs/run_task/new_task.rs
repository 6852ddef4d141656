//! The intent of new tasks.

use std::collections::BTreeMap;

use state_model::ecs::cluster::Cluster;
use state_model::ecs::task::{TaskContainer, TaskIntent, TaskNetwork};
use state_model::ecs::task_definition::{EPHEMERAL_STORAGE_GIB_DEFAULT, TaskDefinition};
use stdx::random;
use wire_shapes_compute::ecs::RunTaskRequest;

use super::request::{PLATFORM_VERSION, Request};
use crate::ecs::Context;
use crate::ecs::task_network::Network;
use crate::ecs::validate::overrides::Overridden;

const TASK_ID_DIGITS: usize = 32;
const RUNTIME_ID_DIGITS: usize = 10;

/// Everything that the tasks of one request have in common.
#[derive(Debug)]
pub struct Plan<'a> {
    pub context: &'a Context,
    pub request: &'a Request,
    pub input: &'a RunTaskRequest,
    pub cluster: &'a Cluster,
    pub definition: &'a TaskDefinition,
    pub overridden: Overridden,
    pub network: Network<'a>,
    pub tags: BTreeMap<String, String>,
}

impl Plan<'_> {
    /// One task per entry of `providers`, spread over the subnets from a random one on.
    pub fn intents(&self, providers: &[Option<String>]) -> Vec<TaskIntent> {
        let subnets = self.network.subnets.len();
        let first = random::u64(&*self.context.random) as usize % subnets;
        let numbered = providers.iter().enumerate();
        numbered.map(|(index, provider)| self.intent((first + index) % subnets, provider.clone())).collect()
    }

    fn intent(&self, subnet: usize, capacity_provider_name: Option<String>) -> TaskIntent {
        let (context, definition) = (self.context, self.definition);
        let id = random::hex(&*context.random, TASK_ID_DIGITS);
        let storage = self.overridden.ephemeral_storage_gib.unwrap_or(EPHEMERAL_STORAGE_GIB_DEFAULT);
        let group = self.request.group.clone();
        let containers = definition.body.container_definitions.iter();
        TaskIntent {
            scope: context.scope.clone(),
            cluster: self.cluster.name.clone(),
            task_definition_arn: definition.arn(),
            family: definition.family.clone(),
            task_revision: definition.revision,
            overrides: self.overridden.overrides.clone(),
            cpu: self.overridden.cpu,
            memory_mib: self.overridden.memory_mib,
            ephemeral_storage_gib: storage,
            launch_type: String::from("FARGATE"),
            capacity_provider_name,
            platform_version: String::from(PLATFORM_VERSION),
            platform_family: String::from("Linux"),
            cpu_architecture: String::from(if definition.body.is_arm() { "arm64" } else { "x86_64" }),
            group: group.unwrap_or_else(|| format!("family:{}", definition.family)),
            started_by: self.request.started_by.clone(),
            service: None,
            enable_execute_command: self.input.enable_execute_command.unwrap_or(false),
            network: self.interface(subnet),
            containers: containers.map(|container| self.container(&id, &container.name)).collect(),
            created_at: context.now,
            created_by: context.principal.arn(),
            stop: None,
            protection: None,
            tags: self.tags.clone(),
            changes: 0,
            id,
        }
    }

    fn interface(&self, subnet: usize) -> TaskNetwork {
        let subnet = &self.network.subnets[subnet];
        TaskNetwork {
            attachment_id: random::uuid(&*self.context.random),
            subnet_id: subnet.id.clone(),
            availability_zone: subnet.availability_zone.clone(),
            security_groups: self.network.security_groups.clone(),
            assign_public_ip: self.network.assign_public_ip,
        }
    }

    fn container(&self, task_id: &str, name: &str) -> TaskContainer {
        let random = &*self.context.random;
        TaskContainer {
            name: name.to_owned(),
            id: random::uuid(random),
            runtime_id: format!("{task_id}-{}", random::digits(random, RUNTIME_ID_DIGITS)),
        }
    }
}
