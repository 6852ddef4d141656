//! Groups of schedules. Deleting one deletes its schedules first, which the schedules loop does.

use api_auth::Context;
use state_model::scheduler::{DEFAULT_GROUP, ScheduleGroup};
use wire_schema::ServiceError;
use wire_shapes_messaging::scheduler;

use super::limits::GROUPS_MAX;
use super::{Scheduler, conflict, find_group, instant, invalid, not_found, quota_exceeded, tags};
use crate::events::{NameConstraints, Violations, page};

pub async fn create_schedule_group(
    context: Context<Scheduler>,
    input: scheduler::CreateScheduleGroupInput,
) -> Result<scheduler::CreateScheduleGroupOutput, ServiceError> {
    let name = authorise(&context, "CreateScheduleGroup", input.name)?;
    let mut violations = Violations::default();
    violations.optional_name(input.client_token.as_deref(), "clientToken", 64, "");
    violations.check()?;
    let mut group = ScheduleGroup::new(&context.scope, &name, context.now);
    group.client_token = input.client_token;
    tags::merge(&mut group.tags, &input.tags.unwrap_or_default())?;
    context
        .transact(|view, transaction| {
            if let Ok(known) = find_group(view, &context.scope, &name) {
                let is_again = known.client_token.is_some() && known.client_token == group.client_token;
                if is_again && known.tags == group.tags && !known.is_deleting {
                    return Ok(());
                }
                return Err(conflict(format!("Schedule group {name} already exists.")));
            }
            if view.schedule_groups.prefix(&context.scope.key("")).count() >= GROUPS_MAX {
                return Err(quota_exceeded("schedule groups"));
            }
            transaction.insert(&group);
            Ok(())
        })
        .await?;
    Ok(scheduler::CreateScheduleGroupOutput { schedule_group_arn: Some(group.arn()) })
}

pub async fn get_schedule_group(
    context: Context<Scheduler>,
    input: scheduler::GetScheduleGroupInput,
) -> Result<scheduler::GetScheduleGroupOutput, ServiceError> {
    let name = authorise(&context, "GetScheduleGroup", input.name)?;
    let group = find_group(&context.view(), &context.scope, &name)?;
    Ok(scheduler::GetScheduleGroupOutput {
        arn: Some(group.arn()),
        state: Some(state(&group)),
        creation_date: instant(group.created_at),
        last_modification_date: instant(group.modified_at),
        name: Some(group.name),
    })
}

pub async fn delete_schedule_group(
    context: Context<Scheduler>,
    input: scheduler::DeleteScheduleGroupInput,
) -> Result<scheduler::DeleteScheduleGroupOutput, ServiceError> {
    let name = authorise(&context, "DeleteScheduleGroup", input.name)?;
    if name == DEFAULT_GROUP {
        return Err(invalid("The default schedule group can't be deleted."));
    }
    context
        .transact(|view, transaction| {
            let row = view.schedule_groups.get(&ScheduleGroup::key_of(&context.scope, &name));
            let row = row.ok_or_else(|| not_found(format!("Schedule group {name} does not exist.")))?;
            if !row.is_deleting {
                let group = ScheduleGroup {
                    is_deleting: true,
                    modified_at: context.now,
                    ..ScheduleGroup::clone(row)
                };
                transaction.update(row, &group);
            }
            Ok(())
        })
        .await?;
    Ok(scheduler::DeleteScheduleGroupOutput {})
}

pub async fn list_schedule_groups(
    context: Context<Scheduler>,
    input: scheduler::ListScheduleGroupsInput,
) -> Result<scheduler::ListScheduleGroupsOutput, ServiceError> {
    context.authorise("scheduler:ListScheduleGroups", "*")?;
    let mut violations = Violations::default();
    violations.optional_name(input.name_prefix.as_deref(), "namePrefix", 64, "");
    violations.in_range(input.max_results, "maxResults", 1, 100);
    violations.check()?;
    let view = context.view();
    let named = input.name_prefix.unwrap_or_default();
    let prefix = context.scope.key(&named);
    let token = input.next_token.as_deref();
    let (rows, next_token) =
        page(&view.schedule_groups, &prefix, input.max_results, token, "groups", |_| true)?;
    let mut groups: Vec<_> = rows.iter().map(|row| ScheduleGroup::clone(row)).collect();
    let is_written = view.schedule_groups.contains(&ScheduleGroup::key_of(&context.scope, DEFAULT_GROUP));
    if token.is_none() && !is_written && DEFAULT_GROUP.starts_with(&named) {
        groups.insert(0, find_group(&view, &context.scope, DEFAULT_GROUP)?);
    }
    let shown = groups.into_iter().map(|group| scheduler::ScheduleGroupSummary {
        arn: Some(group.arn()),
        state: Some(state(&group)),
        creation_date: instant(group.created_at),
        last_modification_date: instant(group.modified_at),
        name: Some(group.name),
    });
    Ok(scheduler::ListScheduleGroupsOutput { schedule_groups: Some(shown.collect()), next_token })
}

fn state(group: &ScheduleGroup) -> scheduler::ScheduleGroupState {
    if group.is_deleting {
        scheduler::ScheduleGroupState::Deleting
    } else {
        scheduler::ScheduleGroupState::Active
    }
}

fn authorise(
    context: &Context<Scheduler>,
    action: &str,
    name: Option<String>,
) -> Result<String, ServiceError> {
    let path = format!("schedule-group/{}", name.as_deref().unwrap_or_default());
    context.authorise(&format!("scheduler:{action}"), &context.scope.arn("scheduler", &path))?;
    let mut violations = Violations::default();
    violations.name(name.as_deref(), "name", 64, "");
    violations.check()?;
    Ok(name.unwrap_or_default())
}
