//! Tags of topics.

use std::collections::BTreeMap;

use api_auth::Context;
use state_model::sns::{Topic, TopicName};
use wire_schema::ServiceError;
use wire_shapes_messaging::sns;

use super::errors::{invalid, no_resource};
use super::limits::{TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX};
use super::{Sns, find};

pub type Tags = BTreeMap<String, String>;

pub fn parse(tags: Option<Vec<sns::Tag>>) -> Result<Tags, ServiceError> {
    let mut parsed = Tags::new();
    for tag in tags.unwrap_or_default() {
        let (key, value) = (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
        let good = |next: char| next.is_alphanumeric() || next.is_whitespace() || "_.:/=+-@".contains(next);
        let fits = !key.is_empty()
            && key.chars().count() <= TAG_KEY_CHARS_MAX
            && value.chars().count() <= TAG_VALUE_CHARS_MAX
            && key.chars().chain(value.chars()).all(good);
        if !fits || key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tags"));
        }
        if parsed.insert(key, value).is_some() {
            return Err(invalid("Duplicated keys are not allowed."));
        }
    }
    check_count(&parsed)?;
    Ok(parsed)
}

fn check_count(tags: &Tags) -> Result<(), ServiceError> {
    if tags.len() > TAGS_MAX {
        let message = "Could not complete request: tag quota of per resource exceeded";
        return Err(ServiceError::caller("TagLimitExceeded", message));
    }
    Ok(())
}

async fn change(
    context: &Context<Sns>,
    name: &TopicName,
    mut change: impl FnMut(&mut Tags),
) -> Result<(), ServiceError> {
    context
        .transact(|view, transaction| {
            let row = view.topics.get(&name.key()).ok_or_else(no_resource)?;
            let mut topic = Topic::clone(row);
            change(&mut topic.tags);
            check_count(&topic.tags)?;
            transaction.update(row, &topic);
            Ok(())
        })
        .await
}

pub async fn tag_resource(
    context: Context<Sns>,
    input: sns::TagResourceRequest,
) -> Result<sns::TagResourceResponse, ServiceError> {
    let name = find::authorised(&context, "TagResource", input.resource_arn.as_deref(), "ResourceArn")?;
    let tags = parse(input.tags)?;
    change(&context, &name, |present| present.extend(tags.clone())).await?;
    Ok(sns::TagResourceResponse {})
}

pub async fn untag_resource(
    context: Context<Sns>,
    input: sns::UntagResourceRequest,
) -> Result<sns::UntagResourceResponse, ServiceError> {
    let name = find::authorised(&context, "UntagResource", input.resource_arn.as_deref(), "ResourceArn")?;
    let keys = input.tag_keys.unwrap_or_default();
    change(&context, &name, |present| present.retain(|key, _| !keys.contains(key))).await?;
    Ok(sns::UntagResourceResponse {})
}

pub async fn list_tags_for_resource(
    context: Context<Sns>,
    input: sns::ListTagsForResourceRequest,
) -> Result<sns::ListTagsForResourceResponse, ServiceError> {
    let name =
        find::authorised(&context, "ListTagsForResource", input.resource_arn.as_deref(), "ResourceArn")?;
    let view = context.view();
    let topic = view.topics.get(&name.key()).ok_or_else(no_resource)?;
    let tag =
        |(key, value): (&String, &String)| sns::Tag { key: Some(key.clone()), value: Some(value.clone()) };
    Ok(sns::ListTagsForResourceResponse { tags: Some(topic.tags.iter().map(tag).collect()) })
}
