//! Notifications of a budget.

use api_auth::Context;
use state_model::billing::budget::{Budget, BudgetState, budget_key};
use state_tables::{Row, View};
use wire_schema::ServiceError;
use wire_shapes_observe::budgets as wire;

use super::errors::no_notification;
use super::lookup::{self, MODIFY, VIEW, authorise};
use super::{Budgets, read_notification, render};

pub async fn create_notification(
    context: Context<Budgets>,
    input: wire::CreateNotificationRequest,
) -> Result<wire::CreateNotificationResponse, ServiceError> {
    let name = authorise(&context, MODIFY, input.account_id.as_deref(), input.budget_name)?;
    let notification = read_notification::notification(input.notification, input.subscribers)?;
    lookup::change(&context, &name, |budget| {
        budget.notifications.push(notification.clone());
        read_notification::check_notifications(&budget.notifications)
    })
    .await?;
    Ok(wire::CreateNotificationResponse {})
}

pub async fn update_notification(
    context: Context<Budgets>,
    input: wire::UpdateNotificationRequest,
) -> Result<wire::UpdateNotificationResponse, ServiceError> {
    let name = authorise(&context, MODIFY, input.account_id.as_deref(), input.budget_name)?;
    let former = read_notification::trigger(input.old_notification)?;
    let next = read_notification::trigger(input.new_notification)?;
    lookup::change(&context, &name, |budget| {
        let found = budget.notifications.iter_mut().find(|one| one.trigger == former);
        found.ok_or_else(no_notification)?.trigger = next;
        read_notification::check_notifications(&budget.notifications)
    })
    .await?;
    Ok(wire::UpdateNotificationResponse {})
}

pub async fn delete_notification(
    context: Context<Budgets>,
    input: wire::DeleteNotificationRequest,
) -> Result<wire::DeleteNotificationResponse, ServiceError> {
    let name = authorise(&context, MODIFY, input.account_id.as_deref(), input.budget_name)?;
    let trigger = read_notification::trigger(input.notification)?;
    lookup::change(&context, &name, |budget| {
        let place = budget.notifications.iter().position(|one| one.trigger == trigger);
        budget.notifications.remove(place.ok_or_else(no_notification)?);
        Ok(())
    })
    .await?;
    Ok(wire::DeleteNotificationResponse {})
}

pub async fn describe_notifications_for_budget(
    context: Context<Budgets>,
    input: wire::DescribeNotificationsForBudgetRequest,
) -> Result<wire::DescribeNotificationsForBudgetResponse, ServiceError> {
    let name = authorise(&context, VIEW, input.account_id.as_deref(), input.budget_name)?;
    let view = context.view();
    let budget = lookup::budget(&view, &context.scope.account, &name)?;
    let shown = shown(&view, budget);
    let (page, next_token) = lookup::page(shown, input.max_results, input.next_token.as_deref())?;
    Ok(wire::DescribeNotificationsForBudgetResponse { notifications: Some(page), next_token })
}

fn shown(view: &View, budget: &Row<Budget>) -> Vec<wire::Notification> {
    let state = view.budget_states.get(&budget_key(&budget.account, &budget.name));
    let state: Option<&BudgetState> = state.map(|row| &**row.record()).filter(|state| state.is_of(budget));
    budget.notifications.iter().map(|one| render::notification(one, state)).collect()
}

pub async fn describe_budget_notifications_for_account(
    context: Context<Budgets>,
    input: wire::DescribeBudgetNotificationsForAccountRequest,
) -> Result<wire::DescribeBudgetNotificationsForAccountResponse, ServiceError> {
    context.authorise(VIEW, "*")?;
    lookup::check_account(&context, input.account_id.as_deref())?;
    let view = context.view();
    let prefix = budget_key(&context.scope.account, "");
    let rows = view.budgets.prefix(&prefix).map(|(_, row)| row);
    let rows: Vec<_> = rows.filter(|row| !row.notifications.is_empty()).collect();
    let (page, next_token) = lookup::page(rows, input.max_results, input.next_token.as_deref())?;
    let page = page.into_iter().map(|row| wire::BudgetNotificationsForAccount {
        budget_name: Some(row.name.clone()),
        notifications: Some(shown(&view, row)),
    });
    Ok(wire::DescribeBudgetNotificationsForAccountResponse {
        budget_notifications_for_account: Some(page.collect()),
        next_token,
    })
}
