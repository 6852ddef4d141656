//! Tags of alarms.

use std::collections::BTreeMap;

use api_auth::Context;
use state_model::cloudwatch::Alarm;
use wire_schema::ServiceError;
use wire_shapes_observe::cloudwatch as wire;

use super::super::CloudWatch;
use super::errors::{invalid, invalid_value, unknown_resource};
use super::limits::{TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX};
use super::violations::Violations;

type Tags = BTreeMap<String, String>;

/// Of a new alarm.
pub fn first(given: &[wire::Tag]) -> Result<Tags, ServiceError> {
    let mut tags = Tags::new();
    merge(&mut tags, given).map_err(|error| invalid(error.message))?;
    Ok(tags)
}

fn merge(tags: &mut Tags, given: &[wire::Tag]) -> Result<(), ServiceError> {
    let mut violations = Violations::default();
    for tag in given {
        violations.required(tag.key.as_ref(), "tags.key");
        violations.required(tag.value.as_ref(), "tags.value");
        violations.length(tag.key.as_deref(), "tags.key", 1, TAG_KEY_CHARS_MAX);
        violations.length(tag.value.as_deref(), "tags.value", 0, TAG_VALUE_CHARS_MAX);
    }
    violations.check()?;
    for tag in given {
        let key = tag.key.clone().unwrap_or_default();
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid_value(format!("Tag keys that begin with aws: are reserved: {key}")));
        }
        tags.insert(key, tag.value.clone().unwrap_or_default());
    }
    if tags.len() > TAGS_MAX {
        return Err(invalid_value(format!("A resource can have at most {TAGS_MAX} tags.")));
    }
    Ok(())
}

/// The name of the alarm that the ARN is of.
fn name(context: &Context<CloudWatch>, action: &str, arn: Option<String>) -> Result<String, ServiceError> {
    context.authorise(&format!("cloudwatch:{action}"), arn.as_deref().unwrap_or("*"))?;
    let mut violations = Violations::default();
    violations.required(arn.as_ref(), "resourceARN");
    violations.length(arn.as_deref(), "resourceARN", 1, 1024);
    violations.check()?;
    let arn = arn.unwrap_or_default();
    if !arn.starts_with("arn:") || arn.split(':').nth(2) != Some("cloudwatch") {
        return Err(invalid_value(format!("Invalid ARN: {arn}")));
    }
    let name = arn.strip_prefix(&context.scope.arn("cloudwatch", "alarm:"));
    name.map(str::to_owned).ok_or_else(|| unknown_resource(&arn))
}

async fn change(
    context: &Context<CloudWatch>,
    name: &str,
    change: impl Fn(&mut Tags) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    context
        .transact(|view, transaction| {
            let row = view.alarms.get(&Alarm::key_of(&context.scope, name));
            let arn = || context.scope.arn("cloudwatch", &format!("alarm:{name}"));
            let row = row.ok_or_else(|| unknown_resource(&arn()))?;
            let mut next = Alarm::clone(row.record());
            change(&mut next.tags)?;
            transaction.update(row, &next);
            Ok(())
        })
        .await
}

pub async fn tag_resource(
    context: Context<CloudWatch>,
    input: wire::TagResourceInput,
) -> Result<wire::TagResourceOutput, ServiceError> {
    let name = name(&context, "TagResource", input.resource_arn)?;
    let mut violations = Violations::default();
    violations.required(input.tags.as_ref(), "tags");
    violations.check()?;
    let given = input.tags.unwrap_or_default();
    change(&context, &name, |tags| merge(tags, &given)).await?;
    Ok(wire::TagResourceOutput {})
}

pub async fn untag_resource(
    context: Context<CloudWatch>,
    input: wire::UntagResourceInput,
) -> Result<wire::UntagResourceOutput, ServiceError> {
    let name = name(&context, "UntagResource", input.resource_arn)?;
    let mut violations = Violations::default();
    violations.required(input.tag_keys.as_ref(), "tagKeys");
    violations.check()?;
    let keys = input.tag_keys.unwrap_or_default();
    change(&context, &name, |tags| {
        tags.retain(|key, _| !keys.contains(key));
        Ok(())
    })
    .await?;
    Ok(wire::UntagResourceOutput {})
}

pub async fn list_tags_for_resource(
    context: Context<CloudWatch>,
    input: wire::ListTagsForResourceInput,
) -> Result<wire::ListTagsForResourceOutput, ServiceError> {
    let arn = input.resource_arn.clone().unwrap_or_default();
    let name = name(&context, "ListTagsForResource", input.resource_arn)?;
    let view = context.view();
    let row = view.alarms.get(&Alarm::key_of(&context.scope, &name));
    let row = row.ok_or_else(|| unknown_resource(&arn))?;
    let tags = row.tags.iter();
    let tags = tags.map(|(key, value)| wire::Tag { key: Some(key.clone()), value: Some(value.clone()) });
    Ok(wire::ListTagsForResourceOutput { tags: Some(tags.collect()) })
}
