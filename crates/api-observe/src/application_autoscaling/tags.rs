//! TagResource, UntagResource, ListTagsForResource: the tags of scalable targets.

use std::collections::BTreeMap;

use state_model::autoscaling::ScalableTarget;
use state_tables::{Row, View};
use wire_schema::ServiceError;
use wire_shapes_observe::application_autoscaling::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, TagResourceRequest, TagResourceResponse,
    UntagResourceRequest, UntagResourceResponse,
};

use super::Context;
use super::errors::{invalid, missing, no_resource};
use super::limits::{TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX};
use super::resource::required;

pub type Tags = BTreeMap<String, String>;

pub async fn tag_resource(
    context: Context,
    input: TagResourceRequest,
) -> Result<TagResourceResponse, ServiceError> {
    let arn = required(input.resource_arn.as_deref(), "resourceARN")?;
    context.authorise("application-autoscaling:TagResource", arn)?;
    let given = checked(input.tags.ok_or_else(|| missing("tags"))?)?;
    change(&context, arn, |tags| tags.extend(given.clone())).await?;
    Ok(TagResourceResponse {})
}

pub async fn untag_resource(
    context: Context,
    input: UntagResourceRequest,
) -> Result<UntagResourceResponse, ServiceError> {
    let arn = required(input.resource_arn.as_deref(), "resourceARN")?;
    context.authorise("application-autoscaling:UntagResource", arn)?;
    let keys = input.tag_keys.ok_or_else(|| missing("tagKeys"))?;
    change(&context, arn, |tags| tags.retain(|key, _| !keys.contains(key))).await?;
    Ok(UntagResourceResponse {})
}

pub async fn list_tags_for_resource(
    context: Context,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, ServiceError> {
    let arn = required(input.resource_arn.as_deref(), "resourceARN")?;
    context.authorise("application-autoscaling:ListTagsForResource", arn)?;
    let view = context.view();
    let tags = find(&context, &view, arn)?.tags.clone();
    Ok(ListTagsForResourceResponse { tags: Some(tags) })
}

pub fn checked(tags: Tags) -> Result<Tags, ServiceError> {
    for (key, value) in &tags {
        let has_length = (1..=TAG_KEY_CHARS_MAX).contains(&key.chars().count())
            && value.chars().count() <= TAG_VALUE_CHARS_MAX;
        if !has_length {
            return Err(invalid(format!(
                "A tag's key has 1 to {TAG_KEY_CHARS_MAX} characters, its value at most {TAG_VALUE_CHARS_MAX}."
            )));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys that begin with aws: are reserved for system use."));
        }
    }
    check_count(&tags)?;
    Ok(tags)
}

fn check_count(tags: &Tags) -> Result<(), ServiceError> {
    if tags.len() > TAGS_MAX {
        let message = format!("A scalable target has at most {TAGS_MAX} tags.");
        return Err(ServiceError::caller("TooManyTagsException", message));
    }
    Ok(())
}

async fn change(context: &Context, arn: &str, change: impl Fn(&mut Tags)) -> Result<(), ServiceError> {
    context
        .transact(|view, transaction| {
            let row = find(context, view, arn)?;
            let mut target = ScalableTarget::clone(row);
            change(&mut target.tags);
            check_count(&target.tags)?;
            transaction.update(row, &target);
            Ok(())
        })
        .await
}

fn find<'v>(context: &Context, view: &'v View, arn: &str) -> Result<&'v Row<ScalableTarget>, ServiceError> {
    let base = context.scope.arn("application-autoscaling", "scalable-target/");
    let id = arn.strip_prefix(&base).ok_or_else(|| no_resource(arn))?;
    view.scalable_targets
        .by(ScalableTarget::ID, &context.scope.key(id))
        .next()
        .ok_or_else(|| no_resource(arn))
}
