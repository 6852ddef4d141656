//! The intents of one request.

use std::collections::BTreeMap;

use state_model::ecs::cluster::Cluster;
use state_model::ecs::new_task::{NewTask, TaskSize, new_task};
use state_model::ecs::task::TaskIntent;
use state_model::ecs::task_definition::{EPHEMERAL_STORAGE_GIB_DEFAULT, TaskDefinition};
use stdx::random;
use wire_shapes_compute::ecs::RunTaskRequest;

use super::request::Request;
use crate::ecs::Context;
use crate::ecs::task_network::Network;
use crate::ecs::validate::overrides::Overridden;

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
        numbered
            .map(|(index, provider)| self.intent((first + index) % subnets, provider.as_deref()))
            .collect()
    }

    fn intent(&self, subnet: usize, capacity_provider: Option<&str>) -> TaskIntent {
        let (context, request, overridden) = (self.context, self.request, &self.overridden);
        let storage = overridden.ephemeral_storage_gib.unwrap_or(EPHEMERAL_STORAGE_GIB_DEFAULT);
        let group = request.group.clone();
        let task = NewTask {
            scope: &context.scope,
            cluster: &self.cluster.name,
            definition: self.definition,
            overrides: &overridden.overrides,
            size: TaskSize {
                cpu: overridden.cpu,
                memory_mib: overridden.memory_mib,
                ephemeral_storage_gib: storage,
            },
            capacity_provider,
            group: &group.unwrap_or_else(|| format!("family:{}", self.definition.family)),
            started_by: request.started_by.as_deref(),
            service: None,
            subnet: self.network.subnets[subnet],
            security_groups: &self.network.security_groups,
            assign_public_ip: self.network.assign_public_ip,
            enable_execute_command: self.input.enable_execute_command.unwrap_or(false),
            created_at: context.now,
            created_by: &context.principal.arn(),
            tags: &self.tags,
        };
        new_task(&task, &*context.random)
    }
}
