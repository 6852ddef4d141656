//! Which notifications of a budget are to be sent: each once per period and threshold.

use std::collections::BTreeSet;

use state_model::billing::budget::{Budget, BudgetState, Notification};
use state_model::billing::prices::PriceTable;
use state_model::billing::spend::Standing;
use state_tables::{Row, View, budgets};
use stdx::clock::Timestamp;

/// What one commit writes of one budget.
#[derive(Debug)]
pub struct Evaluation<'v> {
    pub budget: &'v Row<Budget>,
    /// As it was read. None: there is none yet.
    pub former: Option<&'v Row<BudgetState>>,
    pub state: BudgetState,
    pub standing: Standing,
    pub due: Vec<&'v Notification>,
}

/// None when nothing changes.
pub fn plan<'v>(view: &'v View, key: &str, prices: &PriceTable, now: Timestamp) -> Option<Evaluation<'v>> {
    let budget = view.budgets.get(key)?;
    let former = view.budget_states.get(key);
    if budget.notifications.is_empty() && former.is_none() {
        return None;
    }
    let standing = budgets::standing(view, budget, prices, now)?;
    let period = standing.period.whole.from;
    let passed = |notification: &&Notification| standing.passes(&notification.trigger);
    let passed: Vec<&Notification> = budget.notifications.iter().filter(passed).collect();
    let known: BTreeSet<String> = budget.notifications.iter().map(|one| one.trigger.id()).collect();
    let same_period = former.filter(|state| state.is_of(budget) && state.period == period);
    let mut sent = same_period.map(|state| state.sent.clone()).unwrap_or_default();
    sent.retain(|id| known.contains(id));
    let due: Vec<&Notification> =
        passed.iter().copied().filter(|one| !sent.contains(&one.trigger.id())).collect();
    sent.extend(due.iter().map(|one| one.trigger.id()));
    let state = BudgetState {
        account: budget.account.clone(),
        name: budget.name.clone(),
        uid: budget.uid.clone(),
        defined_at: budget.defined_at,
        period,
        in_alarm: passed.iter().map(|one| one.trigger.id()).collect(),
        sent,
    };
    let is_same = former.is_some_and(|former| **former.record() == state);
    (!is_same).then_some(Evaluation { budget, former, state, standing, due })
}
