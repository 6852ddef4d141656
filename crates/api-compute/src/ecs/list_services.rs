//! ListServices: the ACTIVE ones of a cluster.

use state_model::ecs::service::{Service, service_key};
use state_model::record::Record;
use state_tables::{Row, View};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{
    LaunchType, ListServicesRequest, ListServicesResponse, ResourceManagementType, SchedulingStrategy,
};

use super::errors::invalid_parameter;
use super::limits::LIST_SERVICES_DEFAULT;
use super::page::Page;
use super::service::current::Current;
use super::{Context, lookup};

pub async fn list_services(
    context: Context,
    input: ListServicesRequest,
) -> Result<ListServicesResponse, ServiceError> {
    let given = input.cluster.as_deref();
    context.authorise("ecs:ListServices", "*")?;
    check_filters(&input)?;
    let view = context.view();
    let cluster = &lookup::active_cluster(&view, &context.scope, given)?.name;
    let filter = ListServicesRequest { next_token: None, max_results: None, ..input.clone() };
    let token = input.next_token.as_deref();
    let page = Page::with_default(&filter, token, input.max_results, LIST_SERVICES_DEFAULT)?;
    let of_cluster = service_key(&context.scope, cluster, "");
    let services = view.services.after(&of_cluster, page.after.as_deref());
    let matching = services.filter(|(_, row)| matches(&view, row, &input));
    let (arns, next_token) = page.take(matching.map(|(_, row)| (row.key(), row.arn())));
    Ok(ListServicesResponse { service_arns: Some(arns), next_token })
}

fn check_filters(input: &ListServicesRequest) -> Result<(), ServiceError> {
    if let Some(LaunchType::Other(other)) = &input.launch_type {
        return Err(invalid_parameter(format!("Invalid launch type: {other}")));
    }
    if let Some(SchedulingStrategy::Other(other)) = &input.scheduling_strategy {
        return Err(invalid_parameter(format!("Invalid scheduling strategy: {other}")));
    }
    if let Some(ResourceManagementType::Other(other)) = &input.resource_management_type {
        return Err(invalid_parameter(format!("Invalid resource management type: {other}")));
    }
    Ok(())
}

fn matches(view: &View, row: &Row<Service>, input: &ListServicesRequest) -> bool {
    let launch_type = |wanted: &LaunchType| {
        let revision = Current::of(view, row).map(|current| current.revision);
        revision.and_then(|revision| revision.launch_type.as_deref()) == Some(wanted.as_str())
    };
    let strategy = row.scheduling_strategy.as_str();
    !row.is_deleted()
        && input.scheduling_strategy.as_ref().is_none_or(|wanted| wanted.as_str() == strategy)
        && input.launch_type.as_ref().is_none_or(launch_type)
        // Every service here is managed by who made it.
        && input.resource_management_type.as_ref().is_none_or(|kind| *kind == ResourceManagementType::Customer)
}
