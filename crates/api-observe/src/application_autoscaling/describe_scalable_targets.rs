//! DescribeScalableTargets.

use wire_schema::ServiceError;
use wire_shapes_observe::application_autoscaling::{
    DescribeScalableTargetsRequest, DescribeScalableTargetsResponse, ScalableDimension,
};

use super::Context;
use super::page::Page;
use super::render;
use super::resource::{check_dimension, serves};

pub async fn describe_scalable_targets(
    context: Context,
    input: DescribeScalableTargetsRequest,
) -> Result<DescribeScalableTargetsResponse, ServiceError> {
    context.authorise("application-autoscaling:DescribeScalableTargets", "*")?;
    let is_served = serves(input.service_namespace.as_ref())?
        && input
            .scalable_dimension
            .as_ref()
            .is_none_or(|one| *one == ScalableDimension::EcsServiceDesiredCount);
    check_dimension(input.scalable_dimension.as_ref())?;
    let ids = input.resource_ids.filter(|ids| !ids.is_empty());
    let filter = (&input.service_namespace, &input.scalable_dimension, &ids);
    let page = Page::new(&filter, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let prefix = context.scope.key("");
    let rows = view
        .scalable_targets
        .prefix(&prefix)
        .filter(|(_, row)| is_served && ids.as_ref().is_none_or(|ids| ids.contains(&row.resource_id())));
    let (targets, next_token) = page.take(rows.map(|(key, row)| (key.to_owned(), render::target(row))));
    Ok(DescribeScalableTargetsResponse { next_token, scalable_targets: Some(targets) })
}
