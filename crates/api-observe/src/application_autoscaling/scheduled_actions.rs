//! PutScheduledAction, DeleteScheduledAction, DescribeScheduledActions.

use state_model::autoscaling::{ScalableTarget, ScheduledAction, resource_id};
use state_model::record::Record;
use state_model::schedule;
use state_tables::{Transaction, View};
use stdx::clock::Timestamp;
use stdx::random;
use wire_schema::{Instant, ServiceError};
use wire_shapes_observe::application_autoscaling::{
    DeleteScheduledActionRequest, DeleteScheduledActionResponse, DescribeScheduledActionsRequest,
    DescribeScheduledActionsResponse, PutScheduledActionRequest, PutScheduledActionResponse,
    ScalableDimension,
};

use super::Context;
use super::errors::{invalid, limit_exceeded, missing, no_scheduled_action};
use super::limits::{SCHEDULE_CHARS_MAX, SCHEDULED_ACTION_NAME_CHARS_MAX, SCHEDULED_ACTIONS_PER_TARGET_MAX};
use super::page::Page;
use super::render;
use super::resource::{Resource, capacity, check_bounds, check_dimension, plain, serves};

/// A request, checked as far as it can be alone.
struct Given {
    name: String,
    schedule: Option<String>,
    time_zone: Option<String>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    /// Both none: not given.
    bounds: (Option<u32>, Option<u32>),
}

/// An update keeps what isn't given, but for the start and end times: as on AWS.
pub async fn put_scheduled_action(
    context: Context,
    input: PutScheduledActionRequest,
) -> Result<PutScheduledActionResponse, ServiceError> {
    context.authorise("application-autoscaling:PutScheduledAction", "*")?;
    let resource = Resource::read(
        input.service_namespace.as_ref(),
        input.resource_id.as_deref(),
        input.scalable_dimension.as_ref(),
    )?;
    let given = read(&input)?;
    context.transact(|view, transaction| put(&context, &resource, &given, view, transaction)).await?;
    Ok(PutScheduledActionResponse {})
}

fn read(input: &PutScheduledActionRequest) -> Result<Given, ServiceError> {
    let time = |at: Option<Instant>| at.map(|at| Timestamp::from_millis(at.millis));
    let member = "scheduledActionName";
    let name = plain(input.scheduled_action_name.as_deref(), member, SCHEDULED_ACTION_NAME_CHARS_MAX)?;
    if let Some(schedule) = &input.schedule {
        if schedule.len() > SCHEDULE_CHARS_MAX {
            return Err(invalid(format!("A schedule has at most {SCHEDULE_CHARS_MAX} characters")));
        }
        ScheduledAction::read_schedule(schedule)
            .map_err(|error| invalid(format!("Invalid schedule expression: {schedule}. {error}")))?;
    }
    if let Some(zone) = &input.timezone
        && schedule::zone(zone).is_none()
    {
        return Err(invalid(format!("Invalid timezone: {zone}")));
    }
    let (start, end) = (time(input.start_time), time(input.end_time));
    if start.zip(end).is_some_and(|(start, end)| end <= start) {
        return Err(invalid("The end time must be after the start time"));
    }
    let bounds = match &input.scalable_target_action {
        None => (None, None),
        Some(action) => {
            let min = capacity(action.min_capacity, "scalableTargetAction.minCapacity")?;
            let max = capacity(action.max_capacity, "scalableTargetAction.maxCapacity")?;
            if min.is_none() && max.is_none() {
                return Err(invalid(
                    "At least one of minimum capacity and maximum capacity should be provided",
                ));
            }
            if let (Some(min), Some(max)) = (min, max) {
                check_bounds(min, max)?;
            }
            (min, max)
        }
    };
    Ok(Given {
        name: name.to_owned(),
        schedule: input.schedule.clone(),
        time_zone: input.timezone.clone(),
        start,
        end,
        bounds,
    })
}

fn put(
    context: &Context,
    resource: &Resource,
    given: &Given,
    view: &View,
    transaction: &mut Transaction,
) -> Result<(), ServiceError> {
    let (scope, now) = (&context.scope, context.now);
    let target = resource.registered(view, scope)?;
    transaction.expect_present::<ScalableTarget>(&target.key());
    let key = ScheduledAction::key_of(scope, &resource.cluster, &resource.service, &given.name);
    let former = view.scheduled_actions.get(&key);
    let prefix = ScheduledAction::prefix(scope, &resource.cluster, &resource.service);
    if former.is_none() && view.scheduled_actions.prefix(&prefix).count() >= SCHEDULED_ACTIONS_PER_TARGET_MAX
    {
        let message =
            format!("A scalable target has at most {SCHEDULED_ACTIONS_PER_TARGET_MAX} scheduled actions.");
        return Err(limit_exceeded(message));
    }
    let schedule = given.schedule.clone().or_else(|| former.map(|row| row.schedule.clone()));
    let bounds = match (given.bounds, former) {
        ((None, None), Some(row)) => (row.min_capacity, row.max_capacity),
        ((None, None), None) => return Err(missing("scalableTargetAction")),
        (bounds, _) => bounds,
    };
    let action = ScheduledAction {
        scope: scope.clone(),
        cluster: resource.cluster.clone(),
        service: resource.service.clone(),
        name: given.name.clone(),
        id: former.map_or_else(|| random::uuid(&*context.random), |row| row.id.clone()),
        schedule: schedule.ok_or_else(|| missing("schedule"))?,
        time_zone: given.time_zone.clone().or_else(|| former.and_then(|row| row.time_zone.clone())),
        start: given.start,
        end: given.end,
        min_capacity: bounds.0,
        max_capacity: bounds.1,
        created_at: former.map_or(now, |row| row.created_at),
        changed_at: now,
    };
    if action.next_after(now).is_none() {
        return Err(invalid(format!("The schedule {} has no time in the future", action.schedule)));
    }
    match former {
        Some(row) => transaction.update(row, &action),
        None => transaction.insert(&action),
    }
    Ok(())
}

pub async fn delete_scheduled_action(
    context: Context,
    input: DeleteScheduledActionRequest,
) -> Result<DeleteScheduledActionResponse, ServiceError> {
    context.authorise("application-autoscaling:DeleteScheduledAction", "*")?;
    let resource = Resource::read(
        input.service_namespace.as_ref(),
        input.resource_id.as_deref(),
        input.scalable_dimension.as_ref(),
    )?;
    let given = input.scheduled_action_name.as_deref();
    let name = plain(given, "scheduledActionName", SCHEDULED_ACTION_NAME_CHARS_MAX)?;
    let key = ScheduledAction::key_of(&context.scope, &resource.cluster, &resource.service, name);
    context
        .transact(|view, transaction| {
            let row = view.scheduled_actions.get(&key).ok_or_else(|| no_scheduled_action(&resource, name))?;
            transaction.delete(row);
            Ok(())
        })
        .await?;
    Ok(DeleteScheduledActionResponse {})
}

pub async fn describe_scheduled_actions(
    context: Context,
    input: DescribeScheduledActionsRequest,
) -> Result<DescribeScheduledActionsResponse, ServiceError> {
    context.authorise("application-autoscaling:DescribeScheduledActions", "*")?;
    let is_served = serves(input.service_namespace.as_ref())?
        && input
            .scalable_dimension
            .as_ref()
            .is_none_or(|one| *one == ScalableDimension::EcsServiceDesiredCount);
    check_dimension(input.scalable_dimension.as_ref())?;
    let names = input.scheduled_action_names.filter(|names| !names.is_empty());
    let id = input.resource_id.filter(|id| !id.is_empty());
    let filter = (&input.service_namespace, &input.scalable_dimension, &names, &id);
    let page = Page::new(&filter, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let prefix = context.scope.key("");
    let rows = view.scheduled_actions.prefix(&prefix).filter(|(_, row)| {
        is_served
            && names.as_ref().is_none_or(|names| names.contains(&row.name))
            && id.as_ref().is_none_or(|id| *id == resource_id(&row.cluster, &row.service))
    });
    let (actions, next_token) =
        page.take(rows.map(|(key, row)| (key.to_owned(), render::scheduled_action(row))));
    Ok(DescribeScheduledActionsResponse { next_token, scheduled_actions: Some(actions) })
}
