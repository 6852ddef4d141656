//! What a request makes of a service revision.

use state_model::ec2::Subnet;
use state_model::ecs::cluster::{Cluster, StrategyItem};
use state_model::ecs::service_revision::{ServiceNetwork, ServiceRevision};
use state_model::ecs::task_definition::{TaskDefinition, TaskDefinitionStatus};
use state_tables::{Transaction, View};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use super::load_balancers::load_balancers;
use crate::ecs::compute::{Compute, compute};
use crate::ecs::errors::{client, unsupported};
use crate::ecs::task_network::{Network, network};
use crate::ecs::{Context, task_source};

/// A definition that new deployments may use. The transaction depends on it.
pub fn definition<'v>(
    context: &Context,
    view: &'v View,
    transaction: &mut Transaction,
    given: &str,
) -> Result<&'v TaskDefinition, ServiceError> {
    let definition = task_source::definition(context, view, given)?;
    if definition.status != TaskDefinitionStatus::Active {
        return Err(client("TaskDefinition is inactive"));
    }
    task_source::check_runnable(definition)?;
    let body = &definition.body;
    task_source::check_roles(context, view, body.task_role_arn.iter().chain(&body.execution_role_arn))?;
    transaction.expect(definition);
    Ok(definition)
}

/// The launch type and the strategy, of which there is always exactly one.
pub fn provided(
    launch_type: Option<&wire::LaunchType>,
    strategy: Option<&Vec<wire::CapacityProviderStrategyItem>>,
    cluster: &Cluster,
) -> Result<(Option<String>, Vec<StrategyItem>), ServiceError> {
    match compute(launch_type, strategy.cloned(), cluster)? {
        Compute::Fargate => Ok((Some(String::from("FARGATE")), Vec::new())),
        Compute::Strategy(items) => Ok((None, items)),
        Compute::Instances => Err(unsupported(
            "launchType: services without the launch type FARGATE or a capacity provider strategy need EC2 \
             capacity, which is not available here.",
        )),
    }
}

pub fn service_network(
    context: &Context,
    view: &View,
    given: Option<&wire::NetworkConfiguration>,
) -> Result<ServiceNetwork, ServiceError> {
    let Network { subnets, security_groups_given, assign_public_ip, .. } =
        network(view, &context.scope, given)?;
    Ok(ServiceNetwork {
        subnets: subnets.into_iter().map(|subnet| subnet.id.clone()).collect(),
        security_groups: security_groups_given,
        assign_public_ip,
    })
}

/// Checks the load balancers that are given against what else the revision has, and puts them in.
pub fn balance(
    context: &Context,
    view: &View,
    transaction: &mut Transaction,
    given: &[wire::LoadBalancer],
    definition: &TaskDefinition,
    revision: &mut ServiceRevision,
) -> Result<(), ServiceError> {
    let vpc_id = vpc_id(context, view, &revision.network);
    revision.load_balancers =
        load_balancers(view, &context.scope, transaction, given, &definition.body, &vpc_id)?;
    Ok(())
}

/// Empty only when the subnets have gone since.
fn vpc_id(context: &Context, view: &View, network: &ServiceNetwork) -> String {
    let subnet = |id: &String| view.subnets.get(&context.scope.key(id)).map(|row| &**row);
    let first: Option<&Subnet> = network.subnets.iter().find_map(subnet);
    first.map(|subnet| subnet.vpc_id.clone()).unwrap_or_default()
}

/// Given as `LATEST` or not at all, it stays `LATEST`.
pub fn platform_version(given: Option<&str>) -> Result<String, ServiceError> {
    task_source::check_platform(given)?;
    Ok(given.filter(|text| !text.is_empty()).unwrap_or("LATEST").to_owned())
}

/// Whether tasks of both would be the same.
pub fn is_same(one: &ServiceRevision, other: &ServiceRevision) -> bool {
    let normal = ServiceRevision {
        id: one.id.clone(),
        created_at: one.created_at,
        forced: one.forced,
        ..other.clone()
    };
    *one == normal
}
