//! TagResource.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{TagResourceRequest, TagResourceResponse};

use super::tagged::Tagged;
use super::{Context, validate};

pub async fn tag_resource(
    context: Context,
    input: TagResourceRequest,
) -> Result<TagResourceResponse, ServiceError> {
    let arn = input.resource_arn.unwrap_or_default();
    context.authorise("ecs:TagResource", &arn)?;
    let given = validate::tags::tags(input.tags)?;
    context
        .transact(|view, transaction| {
            let tagged = Tagged::find(&context, view, &arn)?;
            let mut tags = tagged.tags().clone();
            tags.extend(given.clone());
            validate::tags::check_count(&tags)?;
            tagged.set_tags(transaction, tags);
            Ok(())
        })
        .await?;
    Ok(TagResourceResponse {})
}
