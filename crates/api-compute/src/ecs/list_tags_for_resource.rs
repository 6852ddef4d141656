//! ListTagsForResource.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{ListTagsForResourceRequest, ListTagsForResourceResponse};

use super::tagged::Tagged;
use super::{Context, render};

pub async fn list_tags_for_resource(
    context: Context,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, ServiceError> {
    let arn = input.resource_arn.unwrap_or_default();
    context.authorise("ecs:ListTagsForResource", &arn)?;
    let view = context.view();
    let tagged = Tagged::find(&context, &view, &arn)?;
    Ok(ListTagsForResourceResponse { tags: Some(render::tags(tagged.tags())) })
}
