//! UntagResource: keys that aren't there are no error.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{UntagResourceRequest, UntagResourceResponse};

use super::tagged::Tagged;
use super::{Context, validate};

pub async fn untag_resource(
    context: Context,
    input: UntagResourceRequest,
) -> Result<UntagResourceResponse, ServiceError> {
    let arn = input.resource_arn.unwrap_or_default();
    context.authorise("ecs:UntagResource", &arn)?;
    let keys = input.tag_keys.unwrap_or_default();
    keys.iter().try_for_each(|key| validate::tags::check_key(key))?;
    context
        .transact(|view, transaction| {
            let tagged = Tagged::find(&context, view, &arn)?;
            let mut tags = tagged.tags().clone();
            tags.retain(|key, _| !keys.contains(key));
            if tags != *tagged.tags() {
                tagged.set_tags(transaction, tags);
            }
            Ok(())
        })
        .await?;
    Ok(UntagResourceResponse {})
}
