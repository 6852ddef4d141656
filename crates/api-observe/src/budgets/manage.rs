//! CreateBudget, UpdateBudget, DeleteBudget.

use api_auth::Context;
use state_model::billing::budget::{Budget, budget_key};
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_observe::budgets as wire;

use super::errors::{duplicate, invalid, too_many};
use super::limits::BUDGETS_MAX;
use super::lookup::{self, MODIFY, authorise};
use super::{Budgets, read, read_notification, tags};

pub async fn create_budget(
    context: Context<Budgets>,
    input: wire::CreateBudgetRequest,
) -> Result<wire::CreateBudgetResponse, ServiceError> {
    let given = input.budget.ok_or_else(|| invalid("Budget must not be null."))?;
    let name = authorise(&context, MODIFY, input.account_id.as_deref(), given.budget_name.clone())?;
    let definition = read::definition(given, &context.service.prices, context.now)?;
    let notifications = input.notifications_with_subscribers.unwrap_or_default().into_iter();
    let notifications = notifications
        .map(|given| read_notification::notification(given.notification, given.subscribers))
        .collect::<Result<Vec<_>, _>>()?;
    read_notification::check_notifications(&notifications)?;
    let mut budget_tags = Default::default();
    tags::merge(&mut budget_tags, input.resource_tags.unwrap_or_default())?;
    let budget = Budget {
        account: context.scope.account.clone(),
        uid: random::hex(&*context.random, 32),
        definition,
        notifications,
        tags: budget_tags,
        defined_at: context.now,
        name,
    };
    context
        .transact(|view, transaction| {
            let (account, name) = (&budget.account, &budget.name);
            if view.budgets.contains(&budget_key(account, name)) {
                return Err(duplicate(format!("Error creating budget: {name} - the budget already exists.")));
            }
            let prefix = budget_key(account, "");
            if view.budgets.prefix(&prefix).count() >= BUDGETS_MAX {
                return Err(too_many(format!("An account can have {BUDGETS_MAX} budgets.")));
            }
            transaction.insert(&budget);
            Ok(())
        })
        .await?;
    Ok(wire::CreateBudgetResponse {})
}

/// Notifications and tags stay; what was sent for the former definition may be sent again.
pub async fn update_budget(
    context: Context<Budgets>,
    input: wire::UpdateBudgetRequest,
) -> Result<wire::UpdateBudgetResponse, ServiceError> {
    let given = input.new_budget.ok_or_else(|| invalid("NewBudget must not be null."))?;
    let name = authorise(&context, MODIFY, input.account_id.as_deref(), given.budget_name.clone())?;
    let definition = read::definition(given, &context.service.prices, context.now)?;
    lookup::change(&context, &name, |budget| {
        budget.definition = definition.clone();
        budget.defined_at = context.now;
        Ok(())
    })
    .await?;
    Ok(wire::UpdateBudgetResponse {})
}

pub async fn delete_budget(
    context: Context<Budgets>,
    input: wire::DeleteBudgetRequest,
) -> Result<wire::DeleteBudgetResponse, ServiceError> {
    let name = authorise(&context, MODIFY, input.account_id.as_deref(), input.budget_name)?;
    context
        .transact(|view, transaction| {
            transaction.delete(lookup::budget(view, &context.scope.account, &name)?);
            Ok(())
        })
        .await?;
    Ok(wire::DeleteBudgetResponse {})
}
