//! UpdateService: what tasks are made from changes by a new deployment, everything else at once.

use state_model::ecs::service::Service;
use state_model::ecs::service_action::desired_count_updated;
use state_model::ecs::service_revision::ServiceRevision;
use state_model::ecs::task_definition::{TaskDefinition, task_definition_key};
use state_model::record::Record;
use state_tables::{Row, Transaction, View};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{UpdateServiceRequest, UpdateServiceResponse};

use super::errors::{invalid_parameter, service_not_found, task_definition_not_found};
use super::render::task::Tags;
use super::service::current::Current;
use super::service::deploy::{deploy, revision_id};
use super::service::load_balancers::check_containers;
use super::service::members::Members;
use super::service::{find, monitoring, options, refusals, revision};
use super::{Context, lookup, render};

pub async fn update_service(
    context: Context,
    input: UpdateServiceRequest,
) -> Result<UpdateServiceResponse, ServiceError> {
    let given = input.service.as_deref().unwrap_or_default();
    context.authorise("ecs:UpdateService", &find::arn_of(&context.scope, input.cluster.as_deref(), given))?;
    refusals::check(&Members::from(&input))?;
    let key = context.transact(|view, transaction| update(&context, &input, view, transaction)).await?;
    let view = context.view();
    let row = view.services.get(&key).ok_or_else(service_not_found)?;
    Ok(UpdateServiceResponse { service: Some(render::service::service(&view, row, Tags::Shown)) })
}

fn update(
    context: &Context,
    input: &UpdateServiceRequest,
    view: &View,
    transaction: &mut Transaction,
) -> Result<String, ServiceError> {
    let cluster = lookup::active_cluster(view, &context.scope, input.cluster.as_deref())?;
    let given = input.service.as_deref().unwrap_or_default();
    let row = find::active_service(view, &context.scope, &cluster.name, given)?;
    let mut service = Service::clone(row);
    options::apply(&Members::from(input), &mut service)?;
    if service.desired_count != row.desired_count {
        service.changed_at = context.now;
        let (former, random) = (row.desired_count, &*context.random);
        transaction.insert(&desired_count_updated(&service, former, context.now, random));
    }
    let current = Current::of(view, row)
        .ok_or_else(|| ServiceError::internal(format!("the service {} has no revision", row.arn())))?;
    let forced = input.force_new_deployment == Some(true);
    let mut wanted = changed(context, input, view, transaction, &current, forced)?;
    if forced || !revision::is_same(current.revision, &wanted) {
        wanted.id = revision_id(context);
        wanted.created_at = context.now;
        wanted.forced = forced;
        transaction.expect(cluster);
        deploy(context, view, transaction, &mut service, &wanted);
    }
    transaction.update(row, &service);
    Ok(row.key())
}

/// The current revision with what is given laid over it.
fn changed(
    context: &Context,
    input: &UpdateServiceRequest,
    view: &View,
    transaction: &mut Transaction,
    current: &Current<'_>,
    forced: bool,
) -> Result<ServiceRevision, ServiceError> {
    let mut wanted = ServiceRevision::clone(current.revision);
    let given = input.task_definition.as_deref().filter(|text| !text.is_empty());
    if let Some(given) = given {
        let definition = revision::definition(context, view, transaction, given)?;
        wanted.task_definition_arn = definition.arn();
        wanted.family.clone_from(&definition.family);
        wanted.task_revision = definition.revision;
        if input.load_balancers.is_none() {
            check_containers(&wanted.load_balancers, &definition.body)?;
        }
    }
    if input.platform_version.as_ref().is_some_and(|text| !text.is_empty()) {
        wanted.platform_version = revision::platform_version(input.platform_version.as_deref())?;
    }
    if input.network_configuration.is_some() {
        wanted.network = revision::service_network(context, view, input.network_configuration.as_ref())?;
    }
    if input.monitoring.is_some() {
        wanted.metric_configurations = monitoring::metric_configurations(input.monitoring.as_ref())?;
    }
    provide(context, input, view, &mut wanted, forced)?;
    if let Some(balancers) = &input.load_balancers {
        let definition = definition_of(view, &wanted)?;
        revision::balance(context, view, transaction, balancers, definition, &mut wanted)?;
    }
    Ok(wanted)
}

/// Lays the capacity provider strategy over the revision. An empty one means the launch type.
fn provide(
    context: &Context,
    input: &UpdateServiceRequest,
    view: &View,
    wanted: &mut ServiceRevision,
    forced: bool,
) -> Result<(), ServiceError> {
    let Some(given) = &input.capacity_provider_strategy else { return Ok(()) };
    let (launch_type, strategy) = if given.is_empty() {
        (Some(String::from("FARGATE")), Vec::new())
    } else {
        let cluster = lookup::active_cluster(view, &context.scope, input.cluster.as_deref())?;
        revision::provided(None, Some(given), cluster)?
    };
    let is_same = wanted.launch_type == launch_type && wanted.capacity_provider_strategy == strategy;
    if !is_same && !forced {
        return Err(invalid_parameter(
            "When switching from launch type to capacity provider strategy on an existing service, or making a \
             change to a capacity provider strategy on a service that is already using one, you must force a \
             new deployment.",
        ));
    }
    wanted.launch_type = launch_type;
    wanted.capacity_provider_strategy = strategy;
    Ok(())
}

fn definition_of<'v>(
    view: &'v View,
    revision: &ServiceRevision,
) -> Result<&'v Row<TaskDefinition>, ServiceError> {
    let key = task_definition_key(&revision.scope, &revision.family, revision.task_revision);
    view.task_definitions.get(&key).ok_or_else(task_definition_not_found)
}
