//! Budgets as they are described.

use state_model::billing::budget::{
    Budget, BudgetKind, BudgetState, Comparison, CostTypes, Definition, Filters, Limits, Notification,
    NotificationKind, Spend, Subscriber, TimeUnit,
};
use state_model::billing::filter::{Filter, Match, MatchKind};
use state_model::billing::prices::PriceTable;
use state_tables::{View, budgets};
use stdx::clock::Timestamp;
use wire_schema::Instant;
use wire_shapes_observe::budgets as wire;

pub fn instant(at: Timestamp) -> Instant {
    Instant::from_millis(at.as_millis())
}

/// The budget as it stands at this moment.
pub fn budget(
    view: &View,
    budget: &Budget,
    prices: &PriceTable,
    now: Timestamp,
    shows_expression: bool,
) -> wire::Budget {
    let definition = &budget.definition;
    let standing = budgets::standing(view, budget, prices, now);
    let zero = || Spend { amount: String::from("0"), unit: definition.unit(prices).to_owned() };
    let limit = match &standing {
        Some(standing) => Some(&standing.limit),
        None => definition.limits.at(definition.time_unit.period(now).from),
    };
    let spend = wire::CalculatedSpend {
        actual_spend: Some(standing.as_ref().map_or_else(zero, |standing| standing.actual.clone()).wire()),
        forecasted_spend: standing.as_ref().map(|standing| standing.forecast.clone().wire()),
    };
    wire::Budget {
        budget_name: Some(budget.name.clone()),
        budget_type: Some(kind(definition)),
        budget_limit: limit.map(|limit| limit.clone().wire()),
        planned_budget_limits: match &definition.limits {
            Limits::Fixed(_) => None,
            Limits::Planned(planned) => {
                Some(planned.iter().map(|(secs, spend)| (secs.to_string(), spend.clone().wire())).collect())
            }
        },
        calculated_spend: Some(spend),
        cost_filters: cost_filters(definition),
        cost_types: cost_types(definition),
        filter_expression: match &definition.filters {
            Filters::Expression(filter) if shows_expression => Some(expression(filter)),
            _ => None,
        },
        metrics: metrics(definition),
        time_unit: Some(time_unit(definition.time_unit)),
        time_period: Some(wire::TimePeriod {
            start: Some(instant(definition.start)),
            end: Some(instant(definition.end)),
        }),
        last_updated_time: Some(instant(budget.defined_at)),
        health_status: Some(wire::HealthStatus {
            status: Some(wire::HealthStatusValue::Healthy),
            status_reason: None,
            last_updated_time: Some(instant(now)),
        }),
        ..wire::Budget::default()
    }
}

pub fn kind(definition: &Definition) -> wire::BudgetType {
    match definition.kind {
        BudgetKind::Cost => wire::BudgetType::Cost,
        BudgetKind::Usage => wire::BudgetType::Usage,
    }
}

pub fn time_unit(unit: TimeUnit) -> wire::TimeUnit {
    match unit {
        TimeUnit::Daily => wire::TimeUnit::Daily,
        TimeUnit::Monthly => wire::TimeUnit::Monthly,
        TimeUnit::Quarterly => wire::TimeUnit::Quarterly,
        TimeUnit::Annually => wire::TimeUnit::Annually,
    }
}

pub fn cost_filters(definition: &Definition) -> Option<std::collections::BTreeMap<String, Vec<String>>> {
    match &definition.filters {
        Filters::Legacy { given, .. } => Some(given.clone()),
        Filters::Expression(_) => None,
    }
}

pub fn metrics(definition: &Definition) -> Option<Vec<wire::Metric>> {
    definition.metric.as_ref().map(|metric| vec![metric.as_str().into()])
}

/// Absent where a metric says it, and of usage.
pub fn cost_types(definition: &Definition) -> Option<wire::CostTypes> {
    let is_shown = definition.kind == BudgetKind::Cost && definition.metric.is_none();
    let CostTypes {
        include_credit,
        include_discount,
        include_other_subscription,
        include_recurring,
        include_refund,
        include_subscription,
        include_support,
        include_tax,
        include_upfront,
        use_amortized,
        use_blended,
    } = definition.cost_types;
    is_shown.then_some(wire::CostTypes {
        include_credit: Some(include_credit),
        include_discount: Some(include_discount),
        include_other_subscription: Some(include_other_subscription),
        include_recurring: Some(include_recurring),
        include_refund: Some(include_refund),
        include_subscription: Some(include_subscription),
        include_support: Some(include_support),
        include_tax: Some(include_tax),
        include_upfront: Some(include_upfront),
        use_amortized: Some(use_amortized),
        use_blended: Some(use_blended),
    })
}

/// The expression as it was given.
pub fn expression(filter: &Filter) -> wire::Expression {
    let all = |parts: &[Filter]| parts.iter().map(expression).collect();
    let mut shown = wire::Expression::default();
    match filter {
        Filter::And(parts) => shown.and = Some(all(parts)),
        Filter::Or(parts) => shown.or = Some(all(parts)),
        Filter::Not(part) => shown.not = Some(Box::new(expression(part))),
        Filter::Dimension { dimension, values, how } => {
            shown.dimensions = Some(wire::ExpressionDimensionValues {
                key: Some(dimension.as_str().into()),
                values: Some(values.clone()),
                match_options: options(*how),
            });
        }
        Filter::Tag { key, values, how } => {
            shown.tags = Some(wire::TagValues {
                key: Some(key.clone()),
                values: Some(values.clone()),
                match_options: options(*how),
            });
        }
    }
    shown
}

fn options(how: Match) -> Option<Vec<wire::MatchOption>> {
    let kind = match how.kind {
        MatchKind::Equals => None,
        MatchKind::StartsWith => Some(wire::MatchOption::StartsWith),
        MatchKind::EndsWith => Some(wire::MatchOption::EndsWith),
        MatchKind::Contains => Some(wire::MatchOption::Contains),
        MatchKind::Absent => Some(wire::MatchOption::Absent),
    };
    let case = how.ignores_case.then_some(wire::MatchOption::CaseInsensitive);
    let options: Vec<_> = kind.into_iter().chain(case).collect();
    (!options.is_empty()).then_some(options)
}

/// With its state, which nobody has evaluated yet where the notification is new.
pub fn notification(one: &Notification, state: Option<&BudgetState>) -> wire::Notification {
    let trigger = one.trigger;
    let in_alarm = state.is_some_and(|state| state.in_alarm.contains(&trigger.id()));
    wire::Notification {
        notification_type: Some(match trigger.kind {
            NotificationKind::Actual => wire::NotificationType::Actual,
            NotificationKind::Forecasted => wire::NotificationType::Forecasted,
        }),
        comparison_operator: Some(match trigger.comparison {
            Comparison::GreaterThan => wire::ComparisonOperator::GreaterThan,
            Comparison::LessThan => wire::ComparisonOperator::LessThan,
            Comparison::EqualTo => wire::ComparisonOperator::EqualTo,
        }),
        threshold: Some(trigger.threshold),
        threshold_type: Some(match trigger.is_percentage {
            true => wire::ThresholdType::Percentage,
            false => wire::ThresholdType::AbsoluteValue,
        }),
        notification_state: Some(match in_alarm {
            true => wire::NotificationState::Alarm,
            false => wire::NotificationState::Ok,
        }),
    }
}

pub fn subscriber(one: &Subscriber) -> wire::Subscriber {
    let (kind, address) = match one {
        Subscriber::Sns(topic) => (wire::SubscriptionType::Sns, topic),
        Subscriber::Email(address) => (wire::SubscriptionType::Email, address),
    };
    wire::Subscriber { subscription_type: Some(kind), address: Some(address.clone()) }
}

pub trait Wire<T> {
    fn wire(self) -> T;
}

impl Wire<wire::Spend> for Spend {
    fn wire(self) -> wire::Spend {
        wire::Spend { amount: Some(self.amount), unit: Some(self.unit) }
    }
}
