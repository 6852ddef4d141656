//! DescribeContainerInstances: Fargate has none.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{DescribeContainerInstancesRequest, DescribeContainerInstancesResponse};

use super::errors::invalid_parameter;
use super::limits::DESCRIBE_MAX;
use super::{Context, lookup, render};

pub async fn describe_container_instances(
    context: Context,
    input: DescribeContainerInstancesRequest,
) -> Result<DescribeContainerInstancesResponse, ServiceError> {
    let given = input.cluster.as_deref();
    context.authorise("ecs:DescribeContainerInstances", &lookup::cluster_arn_of(&context.scope, given))?;
    let view = context.view();
    let cluster = lookup::active_cluster(&view, &context.scope, given)?;
    let instances = input.container_instances.unwrap_or_default();
    if instances.is_empty() {
        return Err(invalid_parameter("Container instances cannot be empty."));
    }
    if instances.len() > DESCRIBE_MAX {
        return Err(invalid_parameter(format!(
            "Container instances cannot have more than {DESCRIBE_MAX} elements."
        )));
    }
    let failures = lookup::missing_instances(&context.scope, &cluster.name, instances);
    Ok(DescribeContainerInstancesResponse {
        container_instances: Some(Vec::new()),
        failures: Some(failures.map(render::missing).collect()),
    })
}
