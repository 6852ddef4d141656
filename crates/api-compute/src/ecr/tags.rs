//! TagResource, UntagResource, ListTagsForResource. Only repositories have tags.

use state_model::scope::PARTITION;
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, TagResourceRequest, TagResourceResponse,
    UntagResourceRequest, UntagResourceResponse,
};

use super::repository_settings::change;
use super::{Context, errors, lookup, render, validate};

/// Authorises and yields the repository that the ARN names.
fn named(context: &Context, action: &str, arn: Option<String>) -> Result<String, ServiceError> {
    let arn = arn.unwrap_or_default();
    context.authorise(action, &arn)?;
    let prefix = format!("arn:{PARTITION}:ecr:");
    let parts: Vec<&str> = arn.strip_prefix(&prefix).unwrap_or_default().splitn(3, ':').collect();
    let [region, account, resource] = parts[..] else {
        return Err(errors::constraint("resourceArn", "Invalid ARN"));
    };
    let name = resource.strip_prefix("repository/").unwrap_or_default();
    if name.is_empty() {
        return Err(errors::constraint("resourceArn", "Invalid ARN"));
    }
    if region != context.scope.region || account != context.scope.account {
        return Err(errors::repository_not_found(account, name));
    }
    Ok(name.to_owned())
}

pub async fn tag_resource(
    context: Context,
    input: TagResourceRequest,
) -> Result<TagResourceResponse, ServiceError> {
    let name = named(&context, "ecr:TagResource", input.resource_arn)?;
    let given = validate::tags(input.tags)?;
    change(&context, &name, |repository| {
        repository.tags.extend(given.clone());
        validate::check_count(&repository.tags)
    })
    .await?;
    Ok(TagResourceResponse {})
}

pub async fn untag_resource(
    context: Context,
    input: UntagResourceRequest,
) -> Result<UntagResourceResponse, ServiceError> {
    let name = named(&context, "ecr:UntagResource", input.resource_arn)?;
    let keys = input.tag_keys.unwrap_or_default();
    change(&context, &name, |repository| {
        repository.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    })
    .await?;
    Ok(UntagResourceResponse {})
}

pub async fn list_tags_for_resource(
    context: Context,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, ServiceError> {
    let name = named(&context, "ecr:ListTagsForResource", input.resource_arn)?;
    let view = context.view();
    let row = lookup::repository(&context, &view, &name)?;
    Ok(ListTagsForResourceResponse { tags: Some(render::tags(row)) })
}
