//! What a budget has spent in its period, what it will have, and which thresholds that passes.

use std::time::Duration;

use stdx::clock::Timestamp;

use super::budget::{Budget, BudgetKind, Comparison, Definition, NotificationKind, Spend, Trigger};
use super::calendar::Span;
use super::prices::PriceTable;
use super::query::Sum;

/// A period that is younger than this is taken for that old by the forecast: the first minutes say little.
const FORECAST_ELAPSED_MIN: Duration = Duration::from_hours(1);

/// The current period, as far as the budget lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Of the calendar.
    pub whole: Span,
    /// What of it counts.
    pub counted: Span,
}

impl Definition {
    /// None when the budget hasn't begun or is over.
    pub fn period(&self, now: Timestamp) -> Option<Period> {
        (self.start <= now && now < self.end).then(|| self.period_of(self.time_unit.period(now)))
    }

    pub fn period_of(&self, whole: Span) -> Period {
        let counted = Span { from: whole.from.max(self.start), until: whole.until.min(self.end) };
        Period { whole, counted }
    }

    /// The unit of everything that it counts.
    pub fn unit<'a>(&'a self, prices: &'a PriceTable) -> &'a str {
        match self.kind {
            BudgetKind::Cost => &prices.currency,
            BudgetKind::Usage => self.limits.at(self.start).map_or("", |spend| &spend.unit),
        }
    }

    pub fn spend(&self, sum: &Sum, prices: &PriceTable) -> Spend {
        let amount = match self.kind {
            BudgetKind::Cost => sum.cost.shown(),
            BudgetKind::Usage => sum.quantity.shown(),
        };
        Spend { amount, unit: self.unit(prices).to_owned() }
    }
}

/// What the period will have come to at its end if it goes on as it went: a straight line from its beginning.
pub fn forecast(actual: &Spend, counted: Span, now: Timestamp) -> Spend {
    let whole = counted.duration().as_secs_f64();
    let elapsed = now.since(counted.from).max(FORECAST_ELAPSED_MIN).as_secs_f64().min(whole);
    let amount = actual.as_f64() * whole / elapsed;
    Spend { amount: rounded(amount), unit: actual.unit.clone() }
}

/// Cents, or less where there are none.
fn rounded(amount: f64) -> String {
    let text = if amount >= 1.0 { format!("{amount:.2}") } else { format!("{amount:.10}") };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A budget in its current period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub period: Period,
    pub limit: Spend,
    pub actual: Spend,
    pub forecast: Spend,
}

impl Standing {
    /// `sum` is what was used in the counted span.
    pub fn new(budget: &Budget, period: Period, sum: &Sum, prices: &PriceTable, now: Timestamp) -> Self {
        let definition = &budget.definition;
        let actual = definition.spend(sum, prices);
        let unit = definition.unit(prices).to_owned();
        let limit = definition.limits.at(period.whole.from).cloned();
        let limit = limit.unwrap_or(Spend { amount: String::from("0"), unit });
        let forecast = forecast(&actual, period.counted, now);
        Self { period, limit, actual, forecast }
    }

    /// The amount that a trigger compares with.
    pub fn threshold(&self, trigger: &Trigger) -> f64 {
        match trigger.is_percentage {
            true => self.limit.as_f64() * trigger.threshold / 100.0,
            false => trigger.threshold,
        }
    }

    pub fn amount(&self, trigger: &Trigger) -> &Spend {
        match trigger.kind {
            NotificationKind::Actual => &self.actual,
            NotificationKind::Forecasted => &self.forecast,
        }
    }

    pub fn passes(&self, trigger: &Trigger) -> bool {
        const EQUAL_WITHIN: f64 = 1e-9;
        let (amount, threshold) = (self.amount(trigger).as_f64(), self.threshold(trigger));
        match trigger.comparison {
            Comparison::GreaterThan => amount > threshold,
            Comparison::LessThan => amount < threshold,
            Comparison::EqualTo => (amount - threshold).abs() <= EQUAL_WITHIN,
        }
    }
}

/// Subject and text of what subscribers are sent.
pub fn message(budget: &Budget, trigger: &Trigger, standing: &Standing, now: Timestamp) -> (String, String) {
    let (kind, sign) = match trigger.kind {
        NotificationKind::Actual => ("ACTUAL", "is"),
        NotificationKind::Forecasted => ("FORECASTED", "is forecasted to be"),
    };
    let (compared, symbol) = match trigger.comparison {
        Comparison::GreaterThan => ("greater than", ">"),
        Comparison::LessThan => ("less than", "<"),
        Comparison::EqualTo => ("equal to", "="),
    };
    let of = match budget.definition.kind {
        BudgetKind::Cost => "Cost",
        BudgetKind::Usage => "Usage",
    };
    let amount = |spend: &Spend| format!("{} {}", spend.amount, spend.unit);
    let threshold =
        amount(&Spend { amount: rounded(standing.threshold(trigger)), unit: standing.limit.unit.clone() });
    let subject = format!("AWS Budgets: {} has exceeded your alert threshold", budget.name);
    let text = format!(
        "AWS Budget Notification {}\nAWS Account {}\n\nThe {of} of the budget {} {sign} {compared} {threshold} in its \
         current period.\n\nBudget Name: {}\nBudget Type: {of}\nBudgeted Amount: {}\nAlert Type: {kind}\nAlert Threshold: \
         {symbol} {threshold}\n{kind} Amount: {}\n",
        now.to_rfc3339_secs(),
        budget.account,
        budget.name,
        budget.name,
        amount(&standing.limit),
        amount(standing.amount(trigger)),
    );
    (subject, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spend(amount: &str) -> Spend {
        Spend { amount: amount.into(), unit: "USD".into() }
    }

    #[test]
    fn forecasts_are_a_straight_line() {
        let span = Span { from: Timestamp::from_secs(0), until: Timestamp::from_secs(864_000) };
        for (actual, elapsed, expected) in [
            ("10", 432_000, "20"),
            ("10", 864_000, "10"),
            ("0.5", 1, "120"),
            ("0", 1, "0"),
            ("0.0001", 432_000, "0.0002"),
        ] {
            let forecast = forecast(&spend(actual), span, Timestamp::from_secs(elapsed));
            assert_eq!(forecast.amount, expected, "{actual} after {elapsed} s");
        }
    }

    #[test]
    fn thresholds_are_passed() {
        let whole = Span { from: Timestamp(0), until: Timestamp(1) };
        let period = Period { whole, counted: whole };
        let standing = Standing { period, limit: spend("10"), actual: spend("5.5"), forecast: spend("10") };
        use Comparison::{EqualTo, GreaterThan, LessThan};
        use NotificationKind::{Actual, Forecasted};
        for (kind, comparison, threshold, is_percentage, expected) in [
            (Actual, GreaterThan, 50.0, true, true),
            (Actual, GreaterThan, 55.0, true, false),
            (Actual, GreaterThan, 5.4, false, true),
            (Actual, LessThan, 60.0, true, true),
            (Actual, EqualTo, 55.0, true, true),
            (Forecasted, GreaterThan, 99.0, true, true),
            (Forecasted, EqualTo, 10.0, false, true),
            (Forecasted, LessThan, 10.0, false, false),
        ] {
            let trigger = Trigger { kind, comparison, threshold, is_percentage };
            assert_eq!(standing.passes(&trigger), expected, "{trigger:?}");
        }
    }
}
