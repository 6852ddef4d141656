//! DescribeScalingPolicies.

use state_model::autoscaling::resource_id;
use wire_schema::ServiceError;
use wire_shapes_observe::application_autoscaling::{
    DescribeScalingPoliciesRequest, DescribeScalingPoliciesResponse, ScalableDimension,
};

use super::Context;
use super::page::Page;
use super::render;
use super::resource::{check_dimension, serves};

pub async fn describe_scaling_policies(
    context: Context,
    input: DescribeScalingPoliciesRequest,
) -> Result<DescribeScalingPoliciesResponse, ServiceError> {
    context.authorise("application-autoscaling:DescribeScalingPolicies", "*")?;
    let is_served = serves(input.service_namespace.as_ref())?
        && input
            .scalable_dimension
            .as_ref()
            .is_none_or(|one| *one == ScalableDimension::EcsServiceDesiredCount);
    check_dimension(input.scalable_dimension.as_ref())?;
    let names = input.policy_names.filter(|names| !names.is_empty());
    let id = input.resource_id.filter(|id| !id.is_empty());
    let filter = (&input.service_namespace, &input.scalable_dimension, &names, &id);
    let page = Page::new(&filter, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let prefix = context.scope.key("");
    let rows = view.scaling_policies.prefix(&prefix).filter(|(_, row)| {
        is_served
            && names.as_ref().is_none_or(|names| names.contains(&row.name))
            && id.as_ref().is_none_or(|id| *id == resource_id(&row.cluster, &row.service))
    });
    let (policies, next_token) =
        page.take(rows.map(|(key, row)| (key.to_owned(), render::policy(&view, row))));
    Ok(DescribeScalingPoliciesResponse { next_token, scaling_policies: Some(policies) })
}
