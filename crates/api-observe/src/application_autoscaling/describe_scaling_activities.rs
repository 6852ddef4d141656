//! DescribeScalingActivities: newest first.

use state_model::autoscaling::ScalingActivity;
use wire_schema::ServiceError;
use wire_shapes_observe::application_autoscaling::{
    DescribeScalingActivitiesRequest, DescribeScalingActivitiesResponse, ScalableDimension,
};

use super::Context;
use super::page::Page;
use super::render;
use super::resource::{Resource, check_dimension, serves};

pub async fn describe_scaling_activities(
    context: Context,
    input: DescribeScalingActivitiesRequest,
) -> Result<DescribeScalingActivitiesResponse, ServiceError> {
    context.authorise("application-autoscaling:DescribeScalingActivities", "*")?;
    let is_served = serves(input.service_namespace.as_ref())?
        && input
            .scalable_dimension
            .as_ref()
            .is_none_or(|one| *one == ScalableDimension::EcsServiceDesiredCount);
    check_dimension(input.scalable_dimension.as_ref())?;
    let shows_all = input.include_not_scaled_activities == Some(true);
    let id = input.resource_id.filter(|id| !id.is_empty());
    let filter = (&input.service_namespace, &input.scalable_dimension, shows_all, &id);
    let page = Page::new(&filter, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let is_shown = |activity: &ScalingActivity| is_served && (shows_all || activity.not_scaled.is_empty());
    let (activities, next_token) = match &id {
        Some(id) => {
            let key = Resource::of_id(id).map(|resource| resource.key(&context.scope)).unwrap_or_default();
            let rows = view.scaling_activities.entries_by(ScalingActivity::TARGET, &key);
            page.take(
                rows.filter(|(_, row)| is_shown(row))
                    .map(|(key, row)| (key.to_owned(), render::activity(row))),
            )
        }
        None => {
            let prefix = context.scope.key("");
            let rows = view.scaling_activities.prefix(&prefix);
            page.take(
                rows.filter(|(_, row)| is_shown(row))
                    .map(|(key, row)| (key.to_owned(), render::activity(row))),
            )
        }
    };
    Ok(DescribeScalingActivitiesResponse { next_token, scaling_activities: Some(activities) })
}
