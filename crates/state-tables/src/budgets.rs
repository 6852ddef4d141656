//! How budgets stand, as far as a snapshot knows.

use state_model::billing::budget::Budget;
use state_model::billing::calendar::Span;
use state_model::billing::prices::PriceTable;
use state_model::billing::query::{Query, Sum};
use state_model::billing::spend::Standing;
use stdx::clock::Timestamp;

use crate::tables::View;
use crate::usage;

/// None when the budget hasn't begun or is over.
pub fn standing(view: &View, budget: &Budget, prices: &PriceTable, now: Timestamp) -> Option<Standing> {
    let period = budget.definition.period(now)?;
    let sum = sum(view, budget, period.counted, prices, now);
    Some(Standing::new(budget, period, &sum, prices, now))
}

/// What the budget counts of the span.
pub fn sum(view: &View, budget: &Budget, span: Span, prices: &PriceTable, now: Timestamp) -> Sum {
    let account = budget.account.as_str();
    let query = Query {
        periods: &[span],
        filter: budget.definition.filters.filter(),
        groups: &[],
        is_active: &|tag| usage::is_active_tag(view, account, tag),
        prices,
    };
    query.total(usage::of_span(view, account, span, now))
}
