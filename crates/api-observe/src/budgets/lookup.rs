//! The first steps of every operation: whose account, which budget, and leave to do it; and pages of lists.

use api_auth::Context;
use state_model::billing::budget::{Budget, budget_arn, budget_key};
use state_tables::{Row, View};
use wire_schema::ServiceError;

use super::Budgets;
use super::errors::{bad_token, invalid, no_budget};
use super::limits::{NAME_CHARS_MAX, PAGE_DEFAULT, PAGE_MAX};

pub const VIEW: &str = "budgets:ViewBudget";
pub const MODIFY: &str = "budgets:ModifyBudget";

/// Refuses other accounts' budgets.
pub fn check_account(context: &Context<Budgets>, account: Option<&str>) -> Result<(), ServiceError> {
    match account {
        Some(account) if account == context.scope.account => Ok(()),
        Some(account) => Err(ServiceError::caller(
            "AccessDeniedException",
            format!(
                "Account {} is not authorized to use the budgets of account {account}.",
                context.scope.account
            ),
        )),
        None => Err(invalid("AccountId must not be null.")),
    }
}

/// The checked name, if the caller may do `action` with the budget.
pub fn authorise(
    context: &Context<Budgets>,
    action: &str,
    account: Option<&str>,
    name: Option<String>,
) -> Result<String, ServiceError> {
    let name = name.ok_or_else(|| invalid("BudgetName must not be null."))?;
    let arn = budget_arn(&context.scope.account, &name);
    context.authorise(action, &arn)?;
    check_account(context, account)?;
    check_name(&name)?;
    Ok(name)
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    let length = name.chars().count();
    let is_good = (1..=NAME_CHARS_MAX).contains(&length)
        && !name.contains([':', '\\'])
        && !name.to_ascii_lowercase().contains("/action/")
        && !name.trim().is_empty();
    match is_good {
        true => Ok(()),
        false => Err(invalid(format!(
            "BudgetName must have between 1 and {NAME_CHARS_MAX} characters, without ':', '\\' and \"/action/\"."
        ))),
    }
}

pub fn budget<'v>(view: &'v View, account: &str, name: &str) -> Result<&'v Row<Budget>, ServiceError> {
    view.budgets.get(&budget_key(account, name)).ok_or_else(|| no_budget(name))
}

/// Decides over a budget that is there.
pub async fn change<T>(
    context: &Context<Budgets>,
    name: &str,
    mut decide: impl FnMut(&mut Budget) -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    context
        .transact(|view, transaction| {
            let row = budget(view, &context.scope.account, name)?;
            let mut next = Budget::clone(row);
            let output = decide(&mut next)?;
            transaction.update(row, &next);
            Ok(output)
        })
        .await
}

/// One page of a list, and the token of the next.
pub fn page<T>(
    values: Vec<T>,
    count: Option<i32>,
    token: Option<&str>,
) -> Result<(Vec<T>, Option<String>), ServiceError> {
    let count = match count {
        None => PAGE_DEFAULT,
        Some(count) => usize::try_from(count)
            .ok()
            .filter(|count| (1..=PAGE_MAX).contains(count))
            .ok_or_else(|| invalid(format!("MaxResults must be between 1 and {PAGE_MAX}.")))?,
    };
    let from: usize = token.map_or(Ok(0), |token| token.parse().map_err(|_| bad_token()))?;
    let total = values.len();
    if from > total {
        return Err(bad_token());
    }
    let page: Vec<T> = values.into_iter().skip(from).take(count).collect();
    let next = from + page.len();
    Ok((page, (next < total).then(|| next.to_string())))
}
