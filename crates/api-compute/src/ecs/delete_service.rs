//! DeleteService: the service drains, and is INACTIVE when its last task has stopped.

use state_model::ecs::service::Service;
use state_model::record::Record;
use state_tables::service_counts::{ServiceStatus, service_status};
use state_tables::{Transaction, View};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{DeleteServiceRequest, DeleteServiceResponse};

use super::errors::{invalid_parameter, service_not_found};
use super::render::task::Tags;
use super::service::find;
use super::{Context, lookup, render};

pub async fn delete_service(
    context: Context,
    input: DeleteServiceRequest,
) -> Result<DeleteServiceResponse, ServiceError> {
    let given = input.service.as_deref().unwrap_or_default();
    context.authorise("ecs:DeleteService", &find::arn_of(&context.scope, input.cluster.as_deref(), given))?;
    let key = context.transact(|view, transaction| delete(&context, &input, view, transaction)).await?;
    let view = context.view();
    let row = view.services.get(&key).ok_or_else(service_not_found)?;
    let mut service = render::service::service(&view, row, Tags::Shown);
    // AWS finds out later that there is no task left.
    service.status = Some(ServiceStatus::Draining.as_str().to_owned());
    Ok(DeleteServiceResponse { service: Some(service) })
}

fn delete(
    context: &Context,
    input: &DeleteServiceRequest,
    view: &View,
    transaction: &mut Transaction,
) -> Result<String, ServiceError> {
    let cluster = lookup::active_cluster(view, &context.scope, input.cluster.as_deref())?;
    let given = input.service.as_deref().unwrap_or_default();
    let row = find::service(view, &context.scope, &cluster.name, given)?;
    match service_status(view, row) {
        ServiceStatus::Active => {}
        ServiceStatus::Draining => return Ok(row.key()),
        ServiceStatus::Inactive => return Err(service_not_found()),
    }
    if row.desired_count > 0 && input.force != Some(true) {
        return Err(invalid_parameter("The service cannot be stopped while it is scaled above 0."));
    }
    let mut service = Service::clone(row);
    service.desired_count = 0;
    service.changed_at = context.now;
    service.deleted_at = Some(context.now);
    transaction.update(row, &service);
    Ok(row.key())
}
