//! DescribeBudgetPerformanceHistory.

use api_auth::Context;
use state_model::billing::budget::{Filters, TimeUnit};
use state_model::billing::calendar::{Day, Span};
use state_tables::budgets;
use stdx::clock::Timestamp;
use wire_schema::ServiceError;
use wire_shapes_observe::budgets as wire;

use super::errors::invalid;
use super::limits::{HISTORY_DAYS, HISTORY_MONTHS, HISTORY_QUARTERS, HISTORY_YEARS};
use super::lookup::{self, VIEW, authorise};
use super::render::Wire;
use super::{Budgets, render};

/// What was spent in each period so far. The limit is the one that holds now: former ones aren't remembered.
pub async fn describe_budget_performance_history(
    context: Context<Budgets>,
    input: wire::DescribeBudgetPerformanceHistoryRequest,
) -> Result<wire::DescribeBudgetPerformanceHistoryResponse, ServiceError> {
    let name = authorise(&context, VIEW, input.account_id.as_deref(), input.budget_name)?;
    let view = context.view();
    let budget = lookup::budget(&view, &context.scope.account, &name)?;
    let definition = &budget.definition;
    let wanted = wanted(input.time_period.as_ref())?;
    let mut periods = periods(definition.time_unit, context.now);
    periods.retain(|period| {
        let counted = definition.period_of(*period).counted;
        counted.from < counted.until && period.until > wanted.from && period.from < wanted.until
    });
    let (periods, next_token) = lookup::page(periods, input.max_results, input.next_token.as_deref())?;
    let prices = &context.service.prices;
    let amounts = periods.into_iter().map(|period| {
        let counted = definition.period_of(period).counted;
        let sum = budgets::sum(&view, budget, counted, prices, context.now);
        wire::BudgetedAndActualAmounts {
            actual_amount: Some(definition.spend(&sum, prices).wire()),
            budgeted_amount: definition.limits.at(period.from).map(|limit| limit.clone().wire()),
            time_period: Some(wire::TimePeriod {
                start: Some(render::instant(period.from)),
                end: Some(render::instant(period.until)),
            }),
        }
    });
    let history = wire::BudgetPerformanceHistory {
        budget_name: Some(budget.name.clone()),
        budget_type: Some(render::kind(definition)),
        cost_filters: render::cost_filters(definition),
        cost_types: render::cost_types(definition),
        filter_expression: match &definition.filters {
            Filters::Expression(filter) => Some(render::expression(filter)),
            Filters::Legacy { .. } => None,
        },
        metrics: render::metrics(definition),
        time_unit: Some(render::time_unit(definition.time_unit)),
        budgeted_and_actual_amounts_list: Some(amounts.collect()),
        billing_view_arn: None,
    };
    Ok(wire::DescribeBudgetPerformanceHistoryResponse {
        budget_performance_history: Some(history),
        next_token,
    })
}

fn wanted(given: Option<&wire::TimePeriod>) -> Result<Span, ServiceError> {
    let at =
        |instant: Option<wire_schema::Instant>, default| instant.map_or(default, |at| Timestamp(at.millis));
    let from = at(given.and_then(|period| period.start), Timestamp(0));
    let until = at(given.and_then(|period| period.end), Timestamp(i64::MAX));
    match from < until {
        true => Ok(Span { from, until }),
        false => Err(invalid("Time period start should be before end.")),
    }
}

/// The oldest first, the current one last.
fn periods(unit: TimeUnit, now: Timestamp) -> Vec<Span> {
    let today = Day::of(now);
    let before = |count: i32| match unit {
        TimeUnit::Daily => today.plus(-count),
        TimeUnit::Monthly => today.month_plus(-count),
        TimeUnit::Quarterly => today.month_plus(-3 * count),
        TimeUnit::Annually => today.month_plus(-12 * count),
    };
    let count = match unit {
        TimeUnit::Daily => HISTORY_DAYS,
        TimeUnit::Monthly => HISTORY_MONTHS,
        TimeUnit::Quarterly => HISTORY_QUARTERS,
        TimeUnit::Annually => HISTORY_YEARS,
    };
    (0..count).rev().map(|count| unit.period(before(count).start())).collect()
}
