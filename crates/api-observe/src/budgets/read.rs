//! A budget of a request, checked.

use std::collections::BTreeMap;

use state_model::billing::amount::parse_decimal;
use state_model::billing::budget::{BudgetKind, CostTypes, Definition, Limits, Spend, TimeUnit};
use state_model::billing::prices::PriceTable;
use stdx::clock::Timestamp;
use wire_schema::ServiceError;
use wire_shapes_observe::budgets as wire;

use super::errors::invalid;
use super::limits::PLANNED_LIMITS_MAX;
use super::read_filters;

/// When a budget ends that nobody gave an end: 2087-06-15.
const END_DEFAULT: Timestamp = Timestamp::from_secs(3_706_473_600);

const AMOUNT_DIGITS: u32 = 12;

pub fn definition(
    given: wire::Budget,
    prices: &PriceTable,
    now: Timestamp,
) -> Result<Definition, ServiceError> {
    let kind = kind(given.budget_type.as_ref())?;
    let time_unit = time_unit(given.time_unit.as_ref())?;
    if given.auto_adjust_data.is_some() {
        return Err(invalid("AutoAdjustData is not supported here: give a BudgetLimit."));
    }
    if given.billing_view_arn.as_ref().is_some_and(|arn| !arn.ends_with(":billingview/primary")) {
        return Err(invalid("BillingViewArn must be the account's primary billing view."));
    }
    let limits = limits(kind, time_unit, given.budget_limit, given.planned_budget_limits, prices)?;
    let (start, end) = period(given.time_period.as_ref(), time_unit, now)?;
    let metric = metric(kind, given.metrics.as_deref(), given.filter_expression.is_some())?;
    if given.filter_expression.is_some() && given.cost_types.is_some() {
        return Err(invalid("CostTypes can't be given with a FilterExpression: give Metrics."));
    }
    let filters = read_filters::filters(kind, given.cost_filters, given.filter_expression)?;
    let cost_types = cost_types(kind, given.cost_types)?;
    Ok(Definition { kind, time_unit, limits, start, end, cost_types, filters, metric })
}

fn kind(given: Option<&wire::BudgetType>) -> Result<BudgetKind, ServiceError> {
    match given {
        Some(wire::BudgetType::Cost) => Ok(BudgetKind::Cost),
        Some(wire::BudgetType::Usage) => Ok(BudgetKind::Usage),
        Some(other) if other.is_known() => Err(invalid(format!(
            "Budgets of type {other} are not supported here: there are no reservations and savings plans. COST and USAGE \
             are."
        ))),
        Some(other) => Err(invalid(format!("BudgetType {other} is invalid."))),
        None => Err(invalid("BudgetType must not be null.")),
    }
}

fn time_unit(given: Option<&wire::TimeUnit>) -> Result<TimeUnit, ServiceError> {
    match given {
        Some(wire::TimeUnit::Daily) => Ok(TimeUnit::Daily),
        Some(wire::TimeUnit::Monthly) => Ok(TimeUnit::Monthly),
        Some(wire::TimeUnit::Quarterly) => Ok(TimeUnit::Quarterly),
        Some(wire::TimeUnit::Annually) => Ok(TimeUnit::Annually),
        Some(other) => Err(invalid(format!(
            "TimeUnit {other} is not supported here: DAILY, MONTHLY, QUARTERLY and ANNUALLY are."
        ))),
        None => Err(invalid("TimeUnit must not be null.")),
    }
}

fn limits(
    kind: BudgetKind,
    time_unit: TimeUnit,
    fixed: Option<wire::Spend>,
    planned: Option<BTreeMap<String, wire::Spend>>,
    prices: &PriceTable,
) -> Result<Limits, ServiceError> {
    match (fixed, planned.filter(|planned| !planned.is_empty())) {
        (Some(limit), None) => Ok(Limits::Fixed(spend(kind, limit, prices)?)),
        (None, Some(planned)) => {
            let count = match time_unit {
                TimeUnit::Monthly => 12,
                TimeUnit::Quarterly => 4,
                _ => return Err(invalid("PlannedBudgetLimits need the TimeUnit MONTHLY or QUARTERLY.")),
            };
            if planned.len() != count || count > PLANNED_LIMITS_MAX {
                return Err(invalid(format!("PlannedBudgetLimits must have {count} limits.")));
            }
            let mut limits = BTreeMap::new();
            for (start, limit) in planned {
                let secs = start.parse::<i64>().ok().filter(|secs| *secs >= 0).ok_or_else(|| {
                    invalid(format!(
                        "PlannedBudgetLimits: {start} is no second since the epoch at which a period begins."
                    ))
                })?;
                let period = time_unit.period(Timestamp::from_secs(secs));
                if period.from.as_secs() != secs {
                    return Err(invalid(format!("PlannedBudgetLimits: no period begins at {start}.")));
                }
                limits.insert(secs, spend(kind, limit, prices)?);
            }
            Ok(Limits::Planned(limits))
        }
        (Some(_), Some(_)) => Err(invalid("BudgetLimit and PlannedBudgetLimits can't be given together.")),
        (None, None) => Err(invalid("BudgetLimit or PlannedBudgetLimits must be given.")),
    }
}

fn spend(kind: BudgetKind, given: wire::Spend, prices: &PriceTable) -> Result<Spend, ServiceError> {
    let (amount, unit) = (given.amount.unwrap_or_default(), given.unit.unwrap_or_default());
    if parse_decimal(&amount, AMOUNT_DIGITS).is_none() {
        return Err(invalid(format!("Amount {amount} must be a decimal number of at least 0.")));
    }
    if kind == BudgetKind::Cost && unit != prices.currency {
        return Err(invalid(format!("Unit {unit} must be {}.", prices.currency)));
    }
    if unit.is_empty() {
        return Err(invalid("Unit must not be empty."));
    }
    Ok(Spend { amount, unit })
}

fn period(
    given: Option<&wire::TimePeriod>,
    time_unit: TimeUnit,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), ServiceError> {
    let at = |instant: wire_schema::Instant| Timestamp(instant.millis);
    let start = given.and_then(|period| period.start).map(at);
    let end = given.and_then(|period| period.end).map_or(END_DEFAULT, at);
    let start = start.unwrap_or_else(|| time_unit.period(now).from);
    if start >= end {
        return Err(invalid("Time period start should be before end."));
    }
    Ok((start, end))
}

/// What there is gives the same by every metric of its kind.
fn metric(
    kind: BudgetKind,
    given: Option<&[wire::Metric]>,
    has_expression: bool,
) -> Result<Option<String>, ServiceError> {
    let Some(given) = given.filter(|given| !given.is_empty()) else { return Ok(None) };
    let [metric] = given else { return Err(invalid("Metrics must have exactly one metric.")) };
    if !has_expression {
        return Err(invalid("Metrics need a FilterExpression."));
    }
    let is_usage = matches!(metric, wire::Metric::UsageQuantity);
    let is_cost = matches!(
        metric,
        wire::Metric::UnblendedCost
            | wire::Metric::BlendedCost
            | wire::Metric::AmortizedCost
            | wire::Metric::NetUnblendedCost
            | wire::Metric::NetAmortizedCost
    );
    match kind {
        BudgetKind::Cost if is_cost => Ok(Some(metric.as_str().to_owned())),
        BudgetKind::Usage if is_usage => Ok(Some(metric.as_str().to_owned())),
        _ => Err(invalid(format!("Metric {metric} doesn't fit the budget's type."))),
    }
}

fn cost_types(kind: BudgetKind, given: Option<wire::CostTypes>) -> Result<CostTypes, ServiceError> {
    let Some(given) = given else { return Ok(CostTypes::default()) };
    if kind == BudgetKind::Usage {
        return Err(invalid("CostTypes can't be given for a budget of the type USAGE."));
    }
    let default = CostTypes::default();
    let read = CostTypes {
        include_credit: given.include_credit.unwrap_or(default.include_credit),
        include_discount: given.include_discount.unwrap_or(default.include_discount),
        include_other_subscription: given
            .include_other_subscription
            .unwrap_or(default.include_other_subscription),
        include_recurring: given.include_recurring.unwrap_or(default.include_recurring),
        include_refund: given.include_refund.unwrap_or(default.include_refund),
        include_subscription: given.include_subscription.unwrap_or(default.include_subscription),
        include_support: given.include_support.unwrap_or(default.include_support),
        include_tax: given.include_tax.unwrap_or(default.include_tax),
        include_upfront: given.include_upfront.unwrap_or(default.include_upfront),
        use_amortized: given.use_amortized.unwrap_or(default.use_amortized),
        use_blended: given.use_blended.unwrap_or(default.use_blended),
    };
    if read.use_amortized && read.use_blended {
        return Err(invalid("UseAmortized and UseBlended can't both be true."));
    }
    Ok(read)
}
