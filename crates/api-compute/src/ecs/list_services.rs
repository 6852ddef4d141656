//! ListServices: there are none yet.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{ListServicesRequest, ListServicesResponse};

use super::page::Page;
use super::{Context, lookup};

pub async fn list_services(
    context: Context,
    input: ListServicesRequest,
) -> Result<ListServicesResponse, ServiceError> {
    let given = input.cluster.as_deref();
    context.authorise("ecs:ListServices", "*")?;
    Page::new(&"ListServices", input.next_token.as_deref(), input.max_results)?;
    lookup::active_cluster(&context.view(), &context.scope, given)?;
    Ok(ListServicesResponse { service_arns: Some(Vec::new()), next_token: None })
}
