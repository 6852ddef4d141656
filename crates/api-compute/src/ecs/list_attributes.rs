//! ListAttributes: attributes belong to container instances, of which there are none.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{ListAttributesRequest, ListAttributesResponse, TargetType};

use super::errors::invalid_parameter;
use super::page::Page;
use super::{Context, lookup};

pub async fn list_attributes(
    context: Context,
    input: ListAttributesRequest,
) -> Result<ListAttributesResponse, ServiceError> {
    let given = input.cluster.as_deref();
    context.authorise("ecs:ListAttributes", &lookup::cluster_arn_of(&context.scope, given))?;
    if input.target_type != Some(TargetType::ContainerInstance) {
        return Err(invalid_parameter("targetType must be one of [container-instance]"));
    }
    Page::new(&"ListAttributes", input.next_token.as_deref(), input.max_results)?;
    lookup::active_cluster(&context.view(), &context.scope, given)?;
    Ok(ListAttributesResponse { attributes: Some(Vec::new()), next_token: None })
}
