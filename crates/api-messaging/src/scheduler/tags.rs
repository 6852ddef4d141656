//! Tags of schedule groups.

use std::collections::BTreeMap;

use api_auth::Context;
use state_model::scheduler::ScheduleGroup;
use wire_schema::ServiceError;
use wire_shapes_messaging::scheduler;

use super::limits::TAGS_MAX;
use super::{Scheduler, find_group, invalid};
use crate::events::Violations;

type Tags = BTreeMap<String, String>;

pub async fn tag_resource(
    context: Context<Scheduler>,
    input: scheduler::TagResourceInput,
) -> Result<scheduler::TagResourceOutput, ServiceError> {
    let group = authorise(&context, "TagResource", input.resource_arn)?;
    let tags = input.tags.unwrap_or_default();
    change(&context, &group, |known| merge(known, &tags)).await?;
    Ok(scheduler::TagResourceOutput {})
}

pub async fn untag_resource(
    context: Context<Scheduler>,
    input: scheduler::UntagResourceInput,
) -> Result<scheduler::UntagResourceOutput, ServiceError> {
    let group = authorise(&context, "UntagResource", input.resource_arn)?;
    let keys = input.tag_keys.unwrap_or_default();
    change(&context, &group, |known| {
        known.retain(|key, _| !keys.contains(key));
        Ok(())
    })
    .await?;
    Ok(scheduler::UntagResourceOutput {})
}

pub async fn list_tags_for_resource(
    context: Context<Scheduler>,
    input: scheduler::ListTagsForResourceInput,
) -> Result<scheduler::ListTagsForResourceOutput, ServiceError> {
    let group = authorise(&context, "ListTagsForResource", input.resource_arn)?;
    let tags = find_group(&context.view(), &context.scope, &group)?.tags.into_iter();
    let tags = tags.map(|(key, value)| scheduler::Tag { key: Some(key), value: Some(value) });
    Ok(scheduler::ListTagsForResourceOutput { tags: Some(tags.collect()) })
}

pub fn merge(tags: &mut Tags, new: &[scheduler::Tag]) -> Result<(), ServiceError> {
    let mut violations = Violations::default();
    for tag in new {
        violations.required(tag.key.as_ref(), "tags.key");
        violations.required(tag.value.as_ref(), "tags.value");
        violations.length(tag.key.as_deref(), "tags.key", 1, 128);
        violations.length(tag.value.as_deref(), "tags.value", 1, 256);
    }
    violations.check()?;
    for tag in new {
        let (Some(key), Some(value)) = (&tag.key, &tag.value) else { continue };
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys starting with aws: are reserved for AWS."));
        }
        tags.insert(key.clone(), value.clone());
    }
    if tags.len() > TAGS_MAX {
        return Err(invalid(format!("A schedule group can have no more than {TAGS_MAX} tags.")));
    }
    Ok(())
}

fn authorise(
    context: &Context<Scheduler>,
    action: &str,
    arn: Option<String>,
) -> Result<String, ServiceError> {
    let arn = arn.unwrap_or_default();
    context.authorise(&format!("scheduler:{action}"), &arn)?;
    match arn.strip_prefix(&context.scope.arn("scheduler", "schedule-group/")) {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err(invalid("ResourceArn must be the ARN of a schedule group of this account and region.")),
    }
}

async fn change(
    context: &Context<Scheduler>,
    name: &str,
    change: impl Fn(&mut Tags) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    context
        .transact(|view, transaction| {
            let mut group = find_group(view, &context.scope, name)?;
            change(&mut group.tags)?;
            match view.schedule_groups.get(&ScheduleGroup::key_of(&context.scope, name)) {
                Some(row) => transaction.update(row, &group),
                None => transaction.insert(&group),
            }
            Ok(())
        })
        .await
}
