//! DescribeServiceDeployments, by ARN.

use state_model::ecs::service::service_key;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{DescribeServiceDeploymentsRequest, DescribeServiceDeploymentsResponse};

use super::errors::invalid_parameter;
use super::limits::DESCRIBE_REVISIONS_MAX;
use super::render::service_deployment::service_deployment;
use super::service::find;
use super::{Context, render};

pub async fn describe_service_deployments(
    context: Context,
    input: DescribeServiceDeploymentsRequest,
) -> Result<DescribeServiceDeploymentsResponse, ServiceError> {
    let given = input.service_deployment_arns.unwrap_or_default();
    if given.is_empty() {
        return Err(invalid_parameter("serviceDeploymentArns cannot be empty."));
    }
    if given.len() > DESCRIBE_REVISIONS_MAX {
        return Err(invalid_parameter(format!(
            "serviceDeploymentArns cannot have more than {DESCRIBE_REVISIONS_MAX} elements."
        )));
    }
    let view = context.view();
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in given {
        context.authorise("ecs:DescribeServiceDeployments", &arn)?;
        let key = find::key_of_arn(&context.scope, "service-deployment", &arn);
        let row = key.as_ref().and_then(|key| view.service_deployments.get(key));
        let service = row.and_then(|row| {
            let service = view.services.get(&service_key(&row.scope, &row.cluster, &row.service));
            service.filter(|service| service.uid == row.service_uid)
        });
        match (row, service, key) {
            (Some(row), Some(service), Some(key)) => {
                let progress = view.service_deployment_progress.get(&key).map(|row| &**row);
                found.push(service_deployment(&view, service, row, progress));
            }
            _ => failures.push(render::missing(arn)),
        }
    }
    Ok(DescribeServiceDeploymentsResponse { service_deployments: Some(found), failures: Some(failures) })
}
