//! Tags of log groups, by the group's name and by its ARN.

use std::collections::BTreeMap;

use api_auth::Context;
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::logs;

use super::errors::invalid;
use super::limits::TAGS_MAX;
use super::put_retention_policy::change_group;
use super::validation::{LogConstraints, Violations};
use super::{Logs, identifiers};

type Tags = BTreeMap<String, String>;

pub async fn tag_log_group(
    context: Context<Logs>,
    input: logs::TagLogGroupRequest,
) -> Result<Empty, ServiceError> {
    let group = name(&context, "TagLogGroup", input.log_group_name)?;
    tag(&context, &group, input.tags).await
}

pub async fn untag_log_group(
    context: Context<Logs>,
    input: logs::UntagLogGroupRequest,
) -> Result<Empty, ServiceError> {
    let group = name(&context, "UntagLogGroup", input.log_group_name)?;
    untag(&context, &group, input.tags, "tags").await
}

pub async fn list_tags_log_group(
    context: Context<Logs>,
    input: logs::ListTagsLogGroupRequest,
) -> Result<logs::ListTagsLogGroupResponse, ServiceError> {
    let group = name(&context, "ListTagsLogGroup", input.log_group_name)?;
    Ok(logs::ListTagsLogGroupResponse { tags: Some(list(&context, &group)?) })
}

pub async fn tag_resource(
    context: Context<Logs>,
    input: logs::TagResourceRequest,
) -> Result<Empty, ServiceError> {
    let group = resource(&context, "TagResource", input.resource_arn)?;
    tag(&context, &group, input.tags).await
}

pub async fn untag_resource(
    context: Context<Logs>,
    input: logs::UntagResourceRequest,
) -> Result<Empty, ServiceError> {
    let group = resource(&context, "UntagResource", input.resource_arn)?;
    untag(&context, &group, input.tag_keys, "tagKeys").await
}

pub async fn list_tags_for_resource(
    context: Context<Logs>,
    input: logs::ListTagsForResourceRequest,
) -> Result<logs::ListTagsForResourceResponse, ServiceError> {
    let group = resource(&context, "ListTagsForResource", input.resource_arn)?;
    Ok(logs::ListTagsForResourceResponse { tags: Some(list(&context, &group)?) })
}

/// Adds tags, or replaces their values; a group has at most 50.
pub(super) fn merge(tags: &mut Tags, new: Tags) -> Result<(), ServiceError> {
    if let Some(key) = new.keys().find(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        return Err(invalid(format!("Tag keys starting with aws: are reserved for AWS: {key}")));
    }
    tags.extend(new);
    if tags.len() > TAGS_MAX {
        let message = String::from("A resource can have no more than 50 tags.");
        return Err(logs::TooManyTagsException { message: Some(message), ..Default::default() }.into());
    }
    Ok(())
}

fn name(context: &Context<Logs>, action: &str, name: Option<String>) -> Result<String, ServiceError> {
    identifiers::authorise(context, action, name.as_deref().unwrap_or_default())?;
    let mut violations = Violations::default();
    violations.group_name(name.as_deref(), "logGroupName");
    violations.check()?;
    Ok(name.unwrap_or_default())
}

fn resource(context: &Context<Logs>, action: &str, arn: Option<String>) -> Result<String, ServiceError> {
    context.authorise(&format!("logs:{action}"), arn.as_deref().unwrap_or("*"))?;
    let mut violations = Violations::default();
    violations.required(arn.as_ref(), "resourceArn");
    violations.check()?;
    let arn = arn.unwrap_or_default();
    if !arn.starts_with("arn:") {
        return Err(invalid("The specified resource ARN is invalid."));
    }
    identifiers::group_name(&context.scope, &arn)
}

async fn tag(context: &Context<Logs>, group: &str, tags: Option<Tags>) -> Result<Empty, ServiceError> {
    let mut violations = Violations::default();
    violations.required(tags.as_ref(), "tags");
    let tags = tags.unwrap_or_default();
    tags.iter().for_each(|(key, value)| violations.tag(key, value));
    violations.check()?;
    change_group(context, group, |record| merge(&mut record.tags, tags.clone())).await?;
    Ok(Empty {})
}

async fn untag(
    context: &Context<Logs>,
    group: &str,
    keys: Option<Vec<String>>,
    member: &str,
) -> Result<Empty, ServiceError> {
    let mut violations = Violations::default();
    violations.required(keys.as_ref(), member);
    violations.check()?;
    let keys = keys.unwrap_or_default();
    change_group(context, group, |record| {
        record.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    })
    .await?;
    Ok(Empty {})
}

fn list(context: &Context<Logs>, group: &str) -> Result<Tags, ServiceError> {
    Ok(identifiers::find_group(&context.view(), &context.scope, group)?.tags.clone())
}
