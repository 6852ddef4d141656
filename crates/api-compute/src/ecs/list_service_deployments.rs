//! ListServiceDeployments: a service's, newest first.

use state_model::ecs::service_deployment::ServiceDeployment;
use state_tables::service_history;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{
    CreatedAt, ListServiceDeploymentsRequest, ListServiceDeploymentsResponse, ServiceDeploymentStatus,
};

use super::errors::invalid_parameter;
use super::limits::LIST_SERVICE_DEPLOYMENTS_DEFAULT;
use super::page::Page;
use super::render::instant;
use super::render::service_deployment::{brief, shown_status};
use super::service::find;
use super::{Context, lookup};

pub async fn list_service_deployments(
    context: Context,
    input: ListServiceDeploymentsRequest,
) -> Result<ListServiceDeploymentsResponse, ServiceError> {
    let scope = &context.scope;
    let given = input.service.as_deref().unwrap_or_default();
    context.authorise("ecs:ListServiceDeployments", &find::arn_of(scope, input.cluster.as_deref(), given))?;
    let status = input.status.clone().unwrap_or_default();
    if let Some(ServiceDeploymentStatus::Other(other)) = status.iter().find(|status| !status.is_known()) {
        return Err(invalid_parameter(format!("Invalid status: {other}")));
    }
    let filter = ListServiceDeploymentsRequest { next_token: None, max_results: None, ..input.clone() };
    let token = input.next_token.as_deref();
    let page = Page::with_default(&filter, token, input.max_results, LIST_SERVICE_DEPLOYMENTS_DEFAULT)?;
    let view = context.view();
    let cluster = &lookup::active_cluster(&view, scope, input.cluster.as_deref())?.name;
    let service = find::service(&view, scope, cluster, given)?;
    let rows = service_history::deployments(&view, &service.uid).into_iter().filter_map(|row| {
        let progress = service_history::progress(&view, row).map(|row| &**row);
        let shown = shown_status(row, progress).as_str();
        let matches = (status.is_empty() || status.iter().any(|wanted| wanted.as_str() == shown))
            && is_within(row, input.created_at.as_ref());
        let key = newest_first(row);
        let follows = page.after.as_ref().is_none_or(|after| key > *after);
        (matches && follows).then(|| (key, brief(service, row, progress)))
    });
    let (found, next_token) = page.take(rows);
    Ok(ListServiceDeploymentsResponse { service_deployments: Some(found), next_token })
}

fn is_within(row: &ServiceDeployment, range: Option<&CreatedAt>) -> bool {
    let at = instant(row.created_at);
    let Some(range) = range else { return true };
    range.after.is_none_or(|after| at >= after) && range.before.is_none_or(|before| at <= before)
}

/// Where the deployment is in the listing: times count down. Of one millisecond, the order is of the ids, backwards.
fn newest_first(row: &ServiceDeployment) -> String {
    let id: String = row.id.bytes().map(|byte| format!("{:02x}", u8::MAX - byte)).collect();
    format!("{:020}/{id}", u64::MAX - u64::try_from(row.created_at.as_millis()).unwrap_or_default())
}
