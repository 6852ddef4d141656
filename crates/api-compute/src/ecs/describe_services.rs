//! DescribeServices: there are none yet.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{DescribeServicesRequest, DescribeServicesResponse};

use super::errors::invalid_parameter;
use super::limits::DESCRIBE_SERVICES_MAX;
use super::{Context, lookup, render};

pub async fn describe_services(
    context: Context,
    input: DescribeServicesRequest,
) -> Result<DescribeServicesResponse, ServiceError> {
    let given = input.cluster.as_deref();
    let services = input.services.unwrap_or_default();
    if services.is_empty() {
        return Err(invalid_parameter("Services cannot be empty."));
    }
    if services.len() > DESCRIBE_SERVICES_MAX {
        return Err(invalid_parameter(format!(
            "Services cannot have more than {DESCRIBE_SERVICES_MAX} elements."
        )));
    }
    let view = context.view();
    let cluster = lookup::cluster_name(&context.scope, given)?;
    let arn = |text: &String| match text.starts_with("arn:") {
        true => text.clone(),
        false => context.scope.arn("ecs", &format!("service/{cluster}/{text}")),
    };
    let arns: Vec<String> = services.iter().map(arn).collect();
    for arn in &arns {
        context.authorise("ecs:DescribeServices", arn)?;
    }
    lookup::active_cluster(&view, &context.scope, given)?;
    let failures = arns.into_iter().map(render::missing).collect();
    Ok(DescribeServicesResponse { services: Some(Vec::new()), failures: Some(failures) })
}
