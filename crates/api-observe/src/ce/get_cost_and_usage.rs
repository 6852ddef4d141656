use std::collections::BTreeMap;

use api_auth::Context;
use state_model::billing::calendar::{Day, Span};
use state_model::billing::filter::Filter;
use state_model::billing::line::Dimension;
use state_model::billing::prices::PriceTable;
use state_model::billing::query::{GroupKey, Query, Sum};
use state_tables::usage;
use stdx::clock::Timestamp;
use wire_schema::ServiceError;
use wire_shapes_observe::ce;

use super::CostExplorer;
use super::errors::invalid;
use super::limits::{GROUP_BY_MAX, ROWS_PER_PAGE};
use super::page::Pages;
use super::period::{self, Granularity};
use crate::filters;

/// There are no reservations, credits and the like: every way of counting costs gives the same.
const METRICS: [&str; 7] = [
    "AmortizedCost",
    "BlendedCost",
    "NetAmortizedCost",
    "NetUnblendedCost",
    "NormalizedUsageAmount",
    "UnblendedCost",
    "UsageQuantity",
];

/// The unit of what has none, or several.
const NO_UNIT: &str = "N/A";

pub async fn get_cost_and_usage(
    context: Context<CostExplorer>,
    mut input: ce::GetCostAndUsageRequest,
) -> Result<ce::GetCostAndUsageResponse, ServiceError> {
    context.authorise("ce:GetCostAndUsage", "*")?;
    let token = input.next_page_token.take();
    let pages = Pages::of(&input, token.as_deref())?;
    check_billing_view(&context, input.billing_view_arn.as_deref())?;
    let granularity = granularity(input.granularity.as_ref())?;
    let span = period::span(input.time_period.as_ref(), granularity, context.now)?;
    let metrics = metrics(input.metrics.as_deref().unwrap_or_default())?;
    let groups = groups(input.group_by.as_deref().unwrap_or_default())?;
    let filter = filter(input.filter)?;
    let mut periods = period::periods(span, granularity);
    if pages.from >= periods.len() {
        return Err(super::errors::bad_token());
    }
    periods.drain(..pages.from);
    let view = context.view();
    let account = &context.scope.account;
    let query = Query {
        periods: &periods,
        filter: filter.as_ref(),
        groups: &groups,
        is_active: &|tag| usage::is_active_tag(&view, account, tag),
        prices: &context.service.prices,
    };
    let rest = Span { from: periods[0].from, until: span.until };
    let sums = query.sums(usage::of_span(&view, account, rest, context.now));
    let mut results = Vec::new();
    let mut rows = 0;
    for (span, sums) in periods.iter().zip(sums) {
        if rows >= ROWS_PER_PAGE {
            break;
        }
        rows += sums.len().max(1);
        let mut result = result(sums, &metrics, groups.is_empty(), &context.service.prices);
        result.time_period = Some(period::interval(*span, granularity));
        result.estimated = Some(is_estimated(*span, context.now));
        results.push(result);
    }
    let next = (results.len() < periods.len()).then(|| pages.token(pages.from + results.len()));
    Ok(ce::GetCostAndUsageResponse {
        dimension_value_attributes: Some(attributes(&results, &groups)),
        group_definitions: input.group_by.filter(|groups| !groups.is_empty()),
        next_page_token: next,
        results_by_time: Some(results),
    })
}

/// The bill of a month is final when the month is over.
fn is_estimated(span: Span, now: Timestamp) -> bool {
    span.until > Day::of(now).month().start()
}

fn granularity(given: Option<&ce::Granularity>) -> Result<Granularity, ServiceError> {
    match given {
        Some(ce::Granularity::Daily) => Ok(Granularity::Daily),
        Some(ce::Granularity::Monthly) => Ok(Granularity::Monthly),
        Some(ce::Granularity::Hourly) => Ok(Granularity::Hourly),
        Some(other) => {
            Err(invalid(format!("Granularity {other} is invalid. Valid values are DAILY, MONTHLY, HOURLY.")))
        }
        None => Err(invalid("Granularity must not be null")),
    }
}

fn metrics(given: &[String]) -> Result<Vec<&'static str>, ServiceError> {
    if given.is_empty() {
        return Err(invalid("Metrics must not be empty"));
    }
    let known = |name: &String| METRICS.into_iter().find(|metric| metric == name);
    let metrics = given.iter().map(|name| {
        known(name).ok_or_else(|| {
            invalid(format!("Metric {name} is invalid. Valid values are {}.", METRICS.join(", ")))
        })
    });
    metrics.collect()
}

fn groups(given: &[ce::GroupDefinition]) -> Result<Vec<GroupKey>, ServiceError> {
    if given.len() > GROUP_BY_MAX {
        return Err(invalid(format!("At most {GROUP_BY_MAX} groups can be given.")));
    }
    let group = |group: &ce::GroupDefinition| {
        let key = group.key.as_deref().filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| invalid("GroupBy must have a Key."))?;
        match &group.r#type {
            Some(ce::GroupDefinitionType::Dimension) => Dimension::parse(key)
                .map(GroupKey::Dimension)
                .ok_or_else(|| invalid(filters::unknown_dimension(key))),
            Some(ce::GroupDefinitionType::Tag) => Ok(GroupKey::Tag(key.to_owned())),
            Some(other) => {
                Err(invalid(format!("Groups of type {other} are not supported here: DIMENSION and TAG are.")))
            }
            None => Err(invalid("GroupBy must have a Type.")),
        }
    };
    given.iter().map(group).collect()
}

pub(super) fn filter(given: Option<ce::Expression>) -> Result<Option<Filter>, ServiceError> {
    given.map(|given| filters::check(given.into()).map_err(invalid)).transpose()
}

/// The one view of an account that manages no other.
pub(super) fn check_billing_view(
    context: &Context<CostExplorer>,
    given: Option<&str>,
) -> Result<(), ServiceError> {
    let primary = format!("arn:aws:billing::{}:billingview/primary", context.scope.account);
    match given {
        Some(arn) if arn != primary => {
            let error = ServiceError::caller(
                "ResourceNotFoundException",
                format!("Billing view {arn} does not exist."),
            );
            Err(error.field("ResourceName", arn))
        }
        _ => Ok(()),
    }
}

fn result(
    sums: BTreeMap<Vec<String>, Sum>,
    metrics: &[&'static str],
    is_total: bool,
    prices: &PriceTable,
) -> ce::ResultByTime {
    let values = |sum: &Sum| -> BTreeMap<String, ce::MetricValue> {
        metrics.iter().map(|metric| ((*metric).to_owned(), value(metric, sum, prices))).collect()
    };
    let (total, groups) = match is_total {
        true => (values(&sums.into_values().next().unwrap_or_default()), Vec::new()),
        false => {
            let group = |(keys, sum)| ce::Group { keys: Some(keys), metrics: Some(values(&sum)) };
            (BTreeMap::new(), sums.into_iter().map(group).collect())
        }
    };
    ce::ResultByTime { estimated: None, groups: Some(groups), time_period: None, total: Some(total) }
}

fn value(metric: &str, sum: &Sum, prices: &PriceTable) -> ce::MetricValue {
    let (amount, unit) = match metric {
        "UsageQuantity" => (sum.quantity.shown(), sum.unit().unwrap_or(NO_UNIT)),
        // Only instances have a size to normalise by.
        "NormalizedUsageAmount" => (String::from("0"), NO_UNIT),
        _ => (sum.cost.shown(), prices.currency.as_str()),
    };
    ce::MetricValue { amount: Some(amount), unit: Some(unit.to_owned()) }
}

/// What accounts are called.
fn attributes(results: &[ce::ResultByTime], groups: &[GroupKey]) -> Vec<ce::DimensionValuesWithAttributes> {
    let place = groups.iter().position(|group| *group == GroupKey::Dimension(Dimension::LinkedAccount));
    let Some(place) = place else { return Vec::new() };
    let groups = results.iter().flat_map(|result| result.groups.iter().flatten());
    let accounts = groups.filter_map(|group| group.keys.as_ref()?.get(place).cloned());
    let accounts: std::collections::BTreeSet<String> = accounts.collect();
    accounts.into_iter().map(with_description).collect()
}

pub(super) fn with_description(account: String) -> ce::DimensionValuesWithAttributes {
    let attributes = BTreeMap::from([(String::from("description"), account.clone())]);
    ce::DimensionValuesWithAttributes { attributes: Some(attributes), value: Some(account) }
}
