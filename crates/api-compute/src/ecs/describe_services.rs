//! DescribeServices: in whatever state, as long as it is remembered.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{DescribeServicesRequest, DescribeServicesResponse, ServiceField};

use super::errors::invalid_parameter;
use super::limits::DESCRIBE_SERVICES_MAX;
use super::render::task::Tags;
use super::service::find;
use super::{Context, lookup, render};

pub async fn describe_services(
    context: Context,
    input: DescribeServicesRequest,
) -> Result<DescribeServicesResponse, ServiceError> {
    let scope = &context.scope;
    let services = input.services.unwrap_or_default();
    if services.is_empty() {
        return Err(invalid_parameter("Services cannot be empty."));
    }
    if services.len() > DESCRIBE_SERVICES_MAX {
        return Err(invalid_parameter(format!(
            "Services cannot have more than {DESCRIBE_SERVICES_MAX} elements."
        )));
    }
    let include = input.include.unwrap_or_default();
    if let Some(unknown) = include.iter().find(|field| !field.is_known()) {
        return Err(invalid_parameter(format!("Invalid include: {unknown}")));
    }
    let tags = if include.contains(&ServiceField::Tags) { Tags::Shown } else { Tags::Hidden };
    for given in &services {
        context.authorise("ecs:DescribeServices", &find::arn_of(scope, input.cluster.as_deref(), given))?;
    }
    let view = context.view();
    let cluster = &lookup::active_cluster(&view, scope, input.cluster.as_deref())?.name;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for given in &services {
        match find::service(&view, scope, cluster, given) {
            Ok(row) => found.push(render::service::service(&view, row, tags)),
            Err(error) if error.code == "ServiceNotFoundException" => {
                failures.push(render::missing(find::arn_of(scope, Some(cluster), given)));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(DescribeServicesResponse { services: Some(found), failures: Some(failures) })
}
