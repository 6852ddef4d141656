//! DeleteAttributes: attributes belong to container instances, of which there are none.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{DeleteAttributesRequest, DeleteAttributesResponse};

use super::errors::{invalid_parameter, target_not_found};
use super::{Context, lookup};

pub async fn delete_attributes(
    context: Context,
    input: DeleteAttributesRequest,
) -> Result<DeleteAttributesResponse, ServiceError> {
    let given = input.cluster.as_deref();
    context.authorise("ecs:DeleteAttributes", &lookup::cluster_arn_of(&context.scope, given))?;
    lookup::active_cluster(&context.view(), &context.scope, given)?;
    if input.attributes.unwrap_or_default().is_empty() {
        return Err(invalid_parameter("Attributes cannot be empty."));
    }
    Err(target_not_found())
}
