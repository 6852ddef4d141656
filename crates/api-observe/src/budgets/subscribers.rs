//! Subscribers of a budget's notification.

use api_auth::Context;
use state_model::billing::budget::{Budget, Notification, Trigger};
use wire_schema::ServiceError;
use wire_shapes_observe::budgets as wire;

use super::errors::{invalid, no_notification, no_subscriber};
use super::lookup::{self, MODIFY, VIEW, authorise};
use super::{Budgets, read_notification, render};

fn of<'b>(budget: &'b mut Budget, trigger: &Trigger) -> Result<&'b mut Notification, ServiceError> {
    budget.notifications.iter_mut().find(|one| one.trigger == *trigger).ok_or_else(no_notification)
}

pub async fn create_subscriber(
    context: Context<Budgets>,
    input: wire::CreateSubscriberRequest,
) -> Result<wire::CreateSubscriberResponse, ServiceError> {
    let name = authorise(&context, MODIFY, input.account_id.as_deref(), input.budget_name)?;
    let trigger = read_notification::trigger(input.notification)?;
    let subscriber = read_notification::subscriber(input.subscriber)?;
    lookup::change(&context, &name, |budget| {
        let notification = of(budget, &trigger)?;
        notification.subscribers.push(subscriber.clone());
        read_notification::check_subscribers(notification)
    })
    .await?;
    Ok(wire::CreateSubscriberResponse {})
}

pub async fn update_subscriber(
    context: Context<Budgets>,
    input: wire::UpdateSubscriberRequest,
) -> Result<wire::UpdateSubscriberResponse, ServiceError> {
    let name = authorise(&context, MODIFY, input.account_id.as_deref(), input.budget_name)?;
    let trigger = read_notification::trigger(input.notification)?;
    let former = read_notification::subscriber(input.old_subscriber)?;
    let next = read_notification::subscriber(input.new_subscriber)?;
    lookup::change(&context, &name, |budget| {
        let notification = of(budget, &trigger)?;
        let found = notification.subscribers.iter_mut().find(|one| **one == former);
        *found.ok_or_else(no_subscriber)? = next.clone();
        read_notification::check_subscribers(notification)
    })
    .await?;
    Ok(wire::UpdateSubscriberResponse {})
}

/// With the last subscriber the notification goes.
pub async fn delete_subscriber(
    context: Context<Budgets>,
    input: wire::DeleteSubscriberRequest,
) -> Result<wire::DeleteSubscriberResponse, ServiceError> {
    let name = authorise(&context, MODIFY, input.account_id.as_deref(), input.budget_name)?;
    let trigger = read_notification::trigger(input.notification)?;
    let subscriber = read_notification::subscriber(input.subscriber)?;
    lookup::change(&context, &name, |budget| {
        let notification = of(budget, &trigger)?;
        let place = notification.subscribers.iter().position(|one| *one == subscriber);
        notification.subscribers.remove(place.ok_or_else(no_subscriber)?);
        budget.notifications.retain(|one| !one.subscribers.is_empty());
        Ok(())
    })
    .await?;
    Ok(wire::DeleteSubscriberResponse {})
}

pub async fn describe_subscribers_for_notification(
    context: Context<Budgets>,
    input: wire::DescribeSubscribersForNotificationRequest,
) -> Result<wire::DescribeSubscribersForNotificationResponse, ServiceError> {
    let name = authorise(&context, VIEW, input.account_id.as_deref(), input.budget_name)?;
    let trigger = read_notification::trigger(input.notification)?;
    let view = context.view();
    let budget = lookup::budget(&view, &context.scope.account, &name)?;
    let notification = budget.notifications.iter().find(|one| one.trigger == trigger);
    let notification = notification.ok_or_else(no_notification)?;
    let shown = notification.subscribers.iter().map(render::subscriber).collect();
    let (page, next_token) = lookup::page(shown, input.max_results, input.next_token.as_deref())?;
    if page.is_empty() {
        return Err(invalid("The pagination token is past the end."));
    }
    Ok(wire::DescribeSubscribersForNotificationResponse { subscribers: Some(page), next_token })
}
