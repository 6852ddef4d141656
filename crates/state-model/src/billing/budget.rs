//! Budgets: limits on what is spent or used in a period, and who is told.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use super::calendar::{Day, Span};
use super::filter::Filter;
use crate::record::Record;
use crate::scope::PARTITION;

/// Written by the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    pub account: String,
    pub name: String,
    /// 32 hexadecimal digits: tells budgets apart that had the same name one after the other.
    pub uid: String,
    pub definition: Definition,
    #[serde(default)]
    pub notifications: Vec<Notification>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// When its definition was given: what follows from an older one holds no longer.
    pub defined_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    pub kind: BudgetKind,
    pub time_unit: TimeUnit,
    pub limits: Limits,
    pub start: Timestamp,
    pub end: Timestamp,
    pub cost_types: CostTypes,
    pub filters: Filters,
    /// What is counted, as the API names it: a cost or the usage. Given with an expression only.
    #[serde(default)]
    pub metric: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BudgetKind {
    Cost,
    Usage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeUnit {
    Daily,
    Monthly,
    Quarterly,
    Annually,
}

/// An amount as it was given: a decimal number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spend {
    pub amount: String,
    pub unit: String,
}

impl Spend {
    pub fn as_f64(&self) -> f64 {
        self.amount.parse().unwrap_or(0.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Limits {
    Fixed(Spend),
    /// By the second since the epoch that each begins to hold at.
    Planned(BTreeMap<i64, Spend>),
}

impl Limits {
    /// What holds in the period that begins at `start`.
    pub fn at(&self, start: Timestamp) -> Option<&Spend> {
        match self {
            Limits::Fixed(spend) => Some(spend),
            Limits::Planned(planned) => {
                let until = planned.range(..=start.as_secs()).next_back();
                until.or_else(|| planned.iter().next()).map(|(_, spend)| spend)
            }
        }
    }
}

/// Kinds of cost that count. Of all of them there is only usage here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostTypes {
    pub include_credit: bool,
    pub include_discount: bool,
    pub include_other_subscription: bool,
    pub include_recurring: bool,
    pub include_refund: bool,
    pub include_subscription: bool,
    pub include_support: bool,
    pub include_tax: bool,
    pub include_upfront: bool,
    pub use_amortized: bool,
    pub use_blended: bool,
}

impl Default for CostTypes {
    fn default() -> Self {
        Self {
            include_credit: true,
            include_discount: true,
            include_other_subscription: true,
            include_recurring: true,
            include_refund: true,
            include_subscription: true,
            include_support: true,
            include_tax: true,
            include_upfront: true,
            use_amortized: false,
            use_blended: false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Filters {
    /// `CostFilters`, as it was given, and what it means.
    Legacy {
        given: BTreeMap<String, Vec<String>>,
        filter: Option<Filter>,
    },
    Expression(Filter),
}

impl Filters {
    pub fn filter(&self) -> Option<&Filter> {
        match self {
            Filters::Legacy { filter, .. } => filter.as_ref(),
            Filters::Expression(filter) => Some(filter),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    pub trigger: Trigger,
    pub subscribers: Vec<Subscriber>,
}

/// What a notification is known by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    pub kind: NotificationKind,
    pub comparison: Comparison,
    pub threshold: f64,
    /// Of the limit, in per cent; else an amount.
    pub is_percentage: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotificationKind {
    Actual,
    Forecasted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    GreaterThan,
    LessThan,
    EqualTo,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subscriber {
    /// The ARN of a topic.
    Sns(String),
    Email(String),
}

impl Trigger {
    /// Unique among the notifications of a budget.
    pub fn id(&self) -> String {
        let Self { kind, comparison, threshold, is_percentage } = self;
        format!("{kind:?}/{comparison:?}/{threshold}/{is_percentage}")
    }
}

pub fn budget_key(account: &str, name: &str) -> String {
    format!("{account}/{name}")
}

pub fn budget_arn(account: &str, name: &str) -> String {
    format!("arn:{PARTITION}:budgets::{account}:budget/{name}")
}

impl Budget {
    pub fn arn(&self) -> String {
        budget_arn(&self.account, &self.name)
    }
}

impl Record for Budget {
    const TABLE: &'static str = "billing-budget";

    fn key(&self) -> String {
        budget_key(&self.account, &self.name)
    }
}

/// Which notifications hold and which were sent. Written by the budgets loop alone, in the transaction that sends them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetState {
    pub account: String,
    pub name: String,
    pub uid: String,
    /// [`Budget::defined_at`] of what was evaluated.
    pub defined_at: Timestamp,
    /// When the period began that this is of.
    pub period: Timestamp,
    /// Ids of triggers whose threshold is passed.
    #[serde(default)]
    pub in_alarm: BTreeSet<String>,
    /// Ids of triggers that were sent in the period.
    #[serde(default)]
    pub sent: BTreeSet<String>,
}

impl BudgetState {
    /// Whether it is of this definition of the budget.
    pub fn is_of(&self, budget: &Budget) -> bool {
        self.uid == budget.uid && self.defined_at == budget.defined_at
    }
}

impl Record for BudgetState {
    const TABLE: &'static str = "billing-budget-state";

    fn key(&self) -> String {
        budget_key(&self.account, &self.name)
    }
}

impl TimeUnit {
    /// The period of the calendar that the moment lies in.
    pub fn period(self, at: Timestamp) -> Span {
        let day = Day::of(at);
        let (year, month, _) = day.civil();
        match self {
            TimeUnit::Daily => Span::of_days(day, day.plus(1)),
            TimeUnit::Monthly => Span::of_days(day.month(), day.month_plus(1)),
            TimeUnit::Quarterly => {
                let first = Day::from_civil(year, (month - 1) / 3 * 3 + 1, 1);
                Span::of_days(first, first.month_plus(3))
            }
            TimeUnit::Annually => Span::of_days(Day::from_civil(year, 1, 1), Day::from_civil(year + 1, 1, 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_those_of_the_calendar() {
        let day = |text| Day::parse(text).expect("a day");
        for (unit, from, until) in [
            (TimeUnit::Daily, "2026-11-27", "2026-11-28"),
            (TimeUnit::Monthly, "2026-11-01", "2026-12-01"),
            (TimeUnit::Quarterly, "2026-10-01", "2027-01-01"),
            (TimeUnit::Annually, "2026-01-01", "2027-01-01"),
        ] {
            let at = Timestamp(day("2026-11-27").start().0 + 12_345);
            assert_eq!(unit.period(at), Span::of_days(day(from), day(until)), "{unit:?}");
        }
    }

    #[test]
    fn planned_limits_hold_until_the_next() {
        let spend = |amount: &str| Spend { amount: amount.into(), unit: "USD".into() };
        let limits = Limits::Planned(BTreeMap::from([(100, spend("1")), (200, spend("2"))]));
        for (secs, expected) in [(50, "1"), (100, "1"), (199, "1"), (200, "2"), (999, "2")] {
            let at = limits.at(Timestamp::from_secs(secs));
            assert_eq!(at.map(|spend| spend.amount.as_str()), Some(expected), "{secs}");
        }
    }
}
