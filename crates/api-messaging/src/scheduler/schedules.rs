//! Schedules. The schedules loop watches them; what it fired is a record of its own.

use api_auth::Context;
use state_model::schedule::{Expression, Rules, zone};
use state_model::scheduler::{DEFAULT_GROUP, Schedule, ScheduleGroup};
use state_tables::{Row, View};
use stdx::clock::Timestamp;
use wire_schema::ServiceError;
use wire_shapes_messaging::scheduler;

use super::limits::SCHEDULES_MAX;
use super::{Scheduler, conflict, find_group, instant, invalid, not_found, quota_exceeded, target};
use crate::events::{NameConstraints, Violations, page};

pub async fn create_schedule(
    context: Context<Scheduler>,
    input: scheduler::CreateScheduleInput,
) -> Result<scheduler::CreateScheduleOutput, ServiceError> {
    let (group, name) = authorise(&context, "CreateSchedule", input.group_name.clone(), input.name.clone())?;
    let schedule = read(&context, group, name, input)?;
    context.pass_role(&schedule.target.role_arn, "scheduler.amazonaws.com")?;
    let arn = context
        .transact(|view, transaction| {
            check_group(view, &context, &schedule.group)?;
            // Not while the group is being deleted, also when that comes between.
            let group = ScheduleGroup::key_of(&context.scope, &schedule.group);
            view.schedule_groups.get(&group).into_iter().for_each(|row| transaction.expect(row));
            let key = Schedule::key_of(&context.scope, &schedule.group, &schedule.name);
            if let Some(known) = view.schedules.get(&key) {
                // The same request again, whose answer got lost.
                let is_again = known.client_token.is_some() && known.client_token == schedule.client_token;
                let same = Schedule {
                    created_at: known.created_at,
                    modified_at: known.modified_at,
                    ..schedule.clone()
                };
                if is_again && same == **known.record() {
                    return Ok(known.arn());
                }
                return Err(conflict(format!("Schedule {} already exists.", schedule.name)));
            }
            if view.schedules.prefix(&context.scope.key("")).count() >= SCHEDULES_MAX {
                return Err(quota_exceeded("schedules"));
            }
            transaction.insert(&schedule);
            Ok(schedule.arn())
        })
        .await?;
    Ok(scheduler::CreateScheduleOutput { schedule_arn: Some(arn) })
}

/// Replaces everything: what is left out becomes its default, as on AWS.
pub async fn update_schedule(
    context: Context<Scheduler>,
    input: scheduler::UpdateScheduleInput,
) -> Result<scheduler::UpdateScheduleOutput, ServiceError> {
    let (group, name) = authorise(&context, "UpdateSchedule", input.group_name.clone(), input.name.clone())?;
    let input = scheduler::CreateScheduleInput {
        action_after_completion: input.action_after_completion,
        client_token: input.client_token,
        description: input.description,
        end_date: input.end_date,
        flexible_time_window: input.flexible_time_window,
        group_name: input.group_name,
        kms_key_arn: input.kms_key_arn,
        name: input.name,
        schedule_expression: input.schedule_expression,
        schedule_expression_timezone: input.schedule_expression_timezone,
        start_date: input.start_date,
        state: input.state,
        target: input.target,
    };
    let schedule = read(&context, group, name, input)?;
    context.pass_role(&schedule.target.role_arn, "scheduler.amazonaws.com")?;
    context
        .transact(|view, transaction| {
            let row = find(view, &context, &schedule.group, &schedule.name)?;
            let next = Schedule {
                created_at: row.created_at,
                // A time within the same millisecond would not be told from the one before.
                modified_at: Timestamp(context.now.0.max(row.modified_at.0 + 1)),
                ..schedule.clone()
            };
            transaction.update(row, &next);
            Ok(())
        })
        .await?;
    Ok(scheduler::UpdateScheduleOutput { schedule_arn: Some(schedule.arn()) })
}

pub async fn get_schedule(
    context: Context<Scheduler>,
    input: scheduler::GetScheduleInput,
) -> Result<scheduler::GetScheduleOutput, ServiceError> {
    let (group, name) = authorise(&context, "GetSchedule", input.group_name, input.name)?;
    let schedule = Schedule::clone(find(&context.view(), &context, &group, &name)?);
    Ok(scheduler::GetScheduleOutput {
        arn: Some(schedule.arn()),
        group_name: Some(schedule.group),
        name: Some(schedule.name),
        schedule_expression: Some(schedule.expression),
        schedule_expression_timezone: Some(schedule.zone),
        start_date: schedule.start.and_then(instant),
        end_date: schedule.end.and_then(instant),
        description: schedule.description,
        state: Some(state(schedule.enabled)),
        creation_date: instant(schedule.created_at),
        last_modification_date: instant(schedule.modified_at),
        kms_key_arn: None,
        target: Some(target::write(&schedule.target)),
        flexible_time_window: Some(scheduler::FlexibleTimeWindow {
            mode: Some(match schedule.window_minutes {
                Some(_) => scheduler::FlexibleTimeWindowMode::Flexible,
                None => scheduler::FlexibleTimeWindowMode::Off,
            }),
            maximum_window_in_minutes: schedule.window_minutes.and_then(|most| i32::try_from(most).ok()),
        }),
        action_after_completion: Some(if schedule.delete_after {
            scheduler::ActionAfterCompletion::Delete
        } else {
            scheduler::ActionAfterCompletion::None
        }),
    })
}

pub async fn delete_schedule(
    context: Context<Scheduler>,
    input: scheduler::DeleteScheduleInput,
) -> Result<scheduler::DeleteScheduleOutput, ServiceError> {
    let (group, name) = authorise(&context, "DeleteSchedule", input.group_name, input.name)?;
    context
        .transact(|view, transaction| {
            transaction.delete(find(view, &context, &group, &name)?);
            Ok(())
        })
        .await?;
    Ok(scheduler::DeleteScheduleOutput {})
}

pub async fn list_schedules(
    context: Context<Scheduler>,
    input: scheduler::ListSchedulesInput,
) -> Result<scheduler::ListSchedulesOutput, ServiceError> {
    context.authorise("scheduler:ListSchedules", "*")?;
    let mut violations = Violations::default();
    violations.optional_name(input.group_name.as_deref(), "groupName", 64, "");
    violations.optional_name(input.name_prefix.as_deref(), "namePrefix", 64, "");
    violations.in_range(input.max_results, "maxResults", 1, 100);
    let state_of = input.state.as_ref().map(|state| state.as_str());
    violations.one_of(state_of, "state", scheduler::ScheduleState::VALUES);
    violations.check()?;
    let view = context.view();
    let named = input.name_prefix.unwrap_or_default();
    let prefix = match &input.group_name {
        Some(group) => {
            find_group(&view, &context.scope, group)?;
            Schedule::key_of(&context.scope, group, &named)
        }
        None => context.scope.key(""),
    };
    let wanted = |schedule: &Schedule| {
        schedule.name.starts_with(&named)
            && state_of.is_none_or(|wanted| wanted == state(schedule.enabled).as_str())
    };
    let parameters = format!("schedules {named} {state_of:?}");
    let token = input.next_token.as_deref();
    let (rows, next_token) = page(&view.schedules, &prefix, input.max_results, token, &parameters, wanted)?;
    let schedules = rows.iter().map(|row| scheduler::ScheduleSummary {
        arn: Some(row.arn()),
        name: Some(row.name.clone()),
        group_name: Some(row.group.clone()),
        state: Some(state(row.enabled)),
        creation_date: instant(row.created_at),
        last_modification_date: instant(row.modified_at),
        target: Some(scheduler::TargetSummary { arn: Some(row.target.arn.clone()) }),
    });
    Ok(scheduler::ListSchedulesOutput { schedules: Some(schedules.collect()), next_token })
}

fn read(
    context: &Context<Scheduler>,
    group: String,
    name: String,
    input: scheduler::CreateScheduleInput,
) -> Result<Schedule, ServiceError> {
    let mut violations = Violations::default();
    violations.required(input.schedule_expression.as_ref(), "scheduleExpression");
    violations.length(input.schedule_expression.as_deref(), "scheduleExpression", 1, 256);
    violations.required(input.target.as_ref(), "target");
    violations.required(input.flexible_time_window.as_ref(), "flexibleTimeWindow");
    violations.length(input.description.as_deref(), "description", 0, 512);
    violations.optional_name(input.client_token.as_deref(), "clientToken", 64, "");
    violations.length(input.schedule_expression_timezone.as_deref(), "scheduleExpressionTimezone", 1, 50);
    let state = input.state.as_ref().map(|state| state.as_str());
    violations.one_of(state, "state", scheduler::ScheduleState::VALUES);
    let after = input.action_after_completion.as_ref().map(|after| after.as_str());
    violations.one_of(after, "actionAfterCompletion", scheduler::ActionAfterCompletion::VALUES);
    violations.check()?;
    if input.kms_key_arn.is_some() {
        return Err(invalid("KmsKeyArn is not supported here: leave it out."));
    }
    let expression = input.schedule_expression.unwrap_or_default();
    if Expression::parse(&expression, Rules::SCHEDULER).is_err() {
        return Err(invalid(format!("Invalid Schedule Expression {expression}.")));
    }
    let zone_name = input.schedule_expression_timezone.unwrap_or_else(|| String::from("UTC"));
    if zone(&zone_name).is_none() {
        return Err(invalid(format!("Invalid ScheduleExpressionTimezone {zone_name}.")));
    }
    let time = |time: Option<wire_schema::Instant>| time.map(|time| Timestamp::from_millis(time.millis));
    let (start, end) = (time(input.start_date), time(input.end_date));
    if end.is_some_and(|end| end <= context.now) {
        return Err(invalid("The EndDate you specify must be in the future."));
    }
    if start.zip(end).is_some_and(|(start, end)| start >= end) {
        return Err(invalid("The StartDate must come before the EndDate."));
    }
    Ok(Schedule {
        scope: context.scope.clone(),
        group,
        name,
        expression,
        zone: zone_name,
        start,
        end,
        description: input.description,
        enabled: state != Some("DISABLED"),
        target: target::read(input.target.unwrap_or_default(), &context.scope)?,
        window_minutes: window(input.flexible_time_window.unwrap_or_default())?,
        delete_after: after == Some("DELETE"),
        created_at: context.now,
        modified_at: context.now,
        client_token: input.client_token,
    })
}

fn window(window: scheduler::FlexibleTimeWindow) -> Result<Option<u32>, ServiceError> {
    let mode = window.mode.as_ref().map(|mode| mode.as_str());
    let mut violations = Violations::default();
    violations.required(window.mode.as_ref(), "flexibleTimeWindow.mode");
    violations.one_of(mode, "flexibleTimeWindow.mode", scheduler::FlexibleTimeWindowMode::VALUES);
    let minutes = window.maximum_window_in_minutes;
    violations.in_range(minutes, "flexibleTimeWindow.maximumWindowInMinutes", 1, 1_440);
    violations.check()?;
    match (mode, minutes) {
        (Some("OFF"), Some(_)) => {
            Err(invalid("MaximumWindowInMinutes must not be given when the flexible time window is OFF."))
        }
        (Some("FLEXIBLE"), None) => {
            Err(invalid("MaximumWindowInMinutes is required when the flexible time window is FLEXIBLE."))
        }
        (Some("FLEXIBLE"), Some(minutes)) => Ok(u32::try_from(minutes).ok()),
        _ => Ok(None),
    }
}

fn check_group(view: &View, context: &Context<Scheduler>, name: &str) -> Result<ScheduleGroup, ServiceError> {
    let group = find_group(view, &context.scope, name)?;
    if group.is_deleting {
        return Err(conflict(format!("Schedule group {name} is being deleted.")));
    }
    Ok(group)
}

fn state(enabled: bool) -> scheduler::ScheduleState {
    if enabled { scheduler::ScheduleState::Enabled } else { scheduler::ScheduleState::Disabled }
}

fn find<'a>(
    view: &'a View,
    context: &Context<Scheduler>,
    group: &str,
    name: &str,
) -> Result<&'a Row<Schedule>, ServiceError> {
    let row = view.schedules.get(&Schedule::key_of(&context.scope, group, name));
    row.ok_or_else(|| not_found(format!("Schedule {name} does not exist.")))
}

fn authorise(
    context: &Context<Scheduler>,
    action: &str,
    group: Option<String>,
    name: Option<String>,
) -> Result<(String, String), ServiceError> {
    let group = group.unwrap_or_else(|| DEFAULT_GROUP.to_owned());
    let path = format!("schedule/{group}/{}", name.as_deref().unwrap_or_default());
    context.authorise(&format!("scheduler:{action}"), &context.scope.arn("scheduler", &path))?;
    let mut violations = Violations::default();
    violations.name(name.as_deref(), "name", 64, "");
    violations.name(Some(&group), "groupName", 64, "");
    violations.check()?;
    Ok((group, name.unwrap_or_default()))
}
