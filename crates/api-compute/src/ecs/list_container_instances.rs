//! ListContainerInstances: Fargate has none.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{ListContainerInstancesRequest, ListContainerInstancesResponse};

use super::page::Page;
use super::{Context, lookup};

pub async fn list_container_instances(
    context: Context,
    input: ListContainerInstancesRequest,
) -> Result<ListContainerInstancesResponse, ServiceError> {
    let given = input.cluster.as_deref();
    context.authorise("ecs:ListContainerInstances", &lookup::cluster_arn_of(&context.scope, given))?;
    Page::new(&"ListContainerInstances", input.next_token.as_deref(), input.max_results)?;
    lookup::active_cluster(&context.view(), &context.scope, given)?;
    Ok(ListContainerInstancesResponse { container_instance_arns: Some(Vec::new()), next_token: None })
}
