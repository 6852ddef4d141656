//! DescribeServiceRevisions, by ARN.

use state_model::ecs::service::service_key;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{DescribeServiceRevisionsRequest, DescribeServiceRevisionsResponse};

use super::errors::invalid_parameter;
use super::limits::DESCRIBE_REVISIONS_MAX;
use super::render::service_revision::service_revision;
use super::service::find;
use super::{Context, render};

pub async fn describe_service_revisions(
    context: Context,
    input: DescribeServiceRevisionsRequest,
) -> Result<DescribeServiceRevisionsResponse, ServiceError> {
    let given = input.service_revision_arns.unwrap_or_default();
    if given.is_empty() {
        return Err(invalid_parameter("serviceRevisionArns cannot be empty."));
    }
    if given.len() > DESCRIBE_REVISIONS_MAX {
        return Err(invalid_parameter(format!(
            "serviceRevisionArns cannot have more than {DESCRIBE_REVISIONS_MAX} elements."
        )));
    }
    let view = context.view();
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in given {
        context.authorise("ecs:DescribeServiceRevisions", &arn)?;
        let key = find::key_of_arn(&context.scope, "service-revision", &arn);
        let row = key.and_then(|key| view.service_revisions.get(&key));
        let service = row.and_then(|row| {
            let service = view.services.get(&service_key(&row.scope, &row.cluster, &row.service));
            service.filter(|service| service.uid == row.service_uid)
        });
        match (row, service) {
            (Some(row), Some(service)) => found.push(service_revision(&view, service, row)),
            _ => failures.push(render::missing(arn)),
        }
    }
    Ok(DescribeServiceRevisionsResponse { service_revisions: Some(found), failures: Some(failures) })
}
