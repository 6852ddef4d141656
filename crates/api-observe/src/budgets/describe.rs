//! DescribeBudget, DescribeBudgets: what was spent is counted when it is asked for.

use api_auth::Context;
use state_model::billing::budget::budget_key;
use wire_schema::ServiceError;
use wire_shapes_observe::budgets as wire;

use super::lookup::{self, VIEW, authorise};
use super::{Budgets, render};

pub async fn describe_budget(
    context: Context<Budgets>,
    input: wire::DescribeBudgetRequest,
) -> Result<wire::DescribeBudgetResponse, ServiceError> {
    let name = authorise(&context, VIEW, input.account_id.as_deref(), input.budget_name)?;
    let view = context.view();
    let budget = lookup::budget(&view, &context.scope.account, &name)?;
    let shows_expression = input.show_filter_expression == Some(true);
    let shown = render::budget(&view, budget, &context.service.prices, context.now, shows_expression);
    Ok(wire::DescribeBudgetResponse { budget: Some(shown) })
}

pub async fn describe_budgets(
    context: Context<Budgets>,
    input: wire::DescribeBudgetsRequest,
) -> Result<wire::DescribeBudgetsResponse, ServiceError> {
    context.authorise(VIEW, "*")?;
    lookup::check_account(&context, input.account_id.as_deref())?;
    let view = context.view();
    let prefix = budget_key(&context.scope.account, "");
    let rows: Vec<_> = view.budgets.prefix(&prefix).map(|(_, row)| row).collect();
    let (page, next_token) = lookup::page(rows, input.max_results, input.next_token.as_deref())?;
    let shows_expression = input.show_filter_expression == Some(true);
    let prices = &context.service.prices;
    let shown = page.into_iter().map(|row| render::budget(&view, row, prices, context.now, shows_expression));
    Ok(wire::DescribeBudgetsResponse { budgets: Some(shown.collect()), next_token })
}
