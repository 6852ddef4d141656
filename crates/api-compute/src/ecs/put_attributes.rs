//! PutAttributes: attributes belong to container instances, of which there are none.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{PutAttributesRequest, PutAttributesResponse};

use super::errors::{invalid_parameter, target_not_found};
use super::{Context, lookup};

pub async fn put_attributes(
    context: Context,
    input: PutAttributesRequest,
) -> Result<PutAttributesResponse, ServiceError> {
    let given = input.cluster.as_deref();
    context.authorise("ecs:PutAttributes", &lookup::cluster_arn_of(&context.scope, given))?;
    lookup::active_cluster(&context.view(), &context.scope, given)?;
    if input.attributes.unwrap_or_default().is_empty() {
        return Err(invalid_parameter("Attributes cannot be empty."));
    }
    Err(target_not_found())
}
