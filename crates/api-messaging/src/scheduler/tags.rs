//! Tags of schedule groups.

use api_auth::Context;
use state_model::scheduler::ScheduleGroup;
use wire_schema::ServiceError;
use wire_shapes_messaging::scheduler;

use super::limits::TAGS_MAX;
use super::{Scheduler, find_group, invalid};
use crate::tags::{self, Bounds, Tags};

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

/// Adds tags, or replaces their values.
pub fn merge(tags: &mut Tags, new: &[scheduler::Tag]) -> Result<(), ServiceError> {
    let bounds = Bounds { value_chars_min: 1, count_max: TAGS_MAX, holder: "A schedule group" };
    tags::merge(tags, new.iter().map(|tag| (&tag.key, &tag.value)), bounds)
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
