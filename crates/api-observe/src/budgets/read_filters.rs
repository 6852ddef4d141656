//! What a budget counts: the filters of a request, checked.

use std::collections::BTreeMap;

use state_model::billing::budget::{BudgetKind, Filters};
use state_model::billing::filter::{Filter, Match};
use state_model::billing::line::Dimension;
use wire_schema::ServiceError;
use wire_shapes_observe::budgets as wire;

use super::errors::invalid;
use super::limits::FILTER_VALUES_MAX;
use crate::filters;

/// The filters that `CostFilters` names as dimensions.
const DIMENSIONS: [(&str, Dimension); 6] = [
    ("LinkedAccount", Dimension::LinkedAccount),
    ("Operation", Dimension::Operation),
    ("PurchaseType", Dimension::PurchaseType),
    ("Region", Dimension::Region),
    ("Service", Dimension::Service),
    ("UsageType", Dimension::UsageType),
];

/// Values are `user:Key$value` or `aws:…$value`.
const TAG_FILTER: &str = "TagKeyValue";

pub fn filters(
    kind: BudgetKind,
    legacy: Option<BTreeMap<String, Vec<String>>>,
    expression: Option<wire::Expression>,
) -> Result<Filters, ServiceError> {
    let legacy = legacy.unwrap_or_default();
    let filters = match expression {
        Some(_) if !legacy.is_empty() => {
            return Err(invalid("CostFilters and FilterExpression can't be given together."));
        }
        Some(expression) => Filters::Expression(filters::check(expression.into()).map_err(invalid)?),
        None => {
            let parts = legacy.iter().map(|(name, values)| legacy_filter(name, values));
            let mut parts = parts.collect::<Result<Vec<Filter>, ServiceError>>()?;
            let filter = match parts.len() {
                0 | 1 => parts.pop(),
                _ => Some(Filter::And(parts)),
            };
            Filters::Legacy { given: legacy, filter }
        }
    };
    if kind == BudgetKind::Usage && !filters.filter().is_some_and(names_usage_type) {
        return Err(invalid("A budget of the type USAGE must have a filter by usage type."));
    }
    Ok(filters)
}

/// Different units don't add up.
fn names_usage_type(filter: &Filter) -> bool {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(names_usage_type),
        Filter::Not(part) => names_usage_type(part),
        Filter::Dimension { dimension, .. } => *dimension == Dimension::UsageType,
        Filter::Tag { .. } => false,
    }
}

fn legacy_filter(name: &str, values: &[String]) -> Result<Filter, ServiceError> {
    if values.is_empty() || values.len() > FILTER_VALUES_MAX {
        return Err(invalid(format!(
            "CostFilters: {name} must have between 1 and {FILTER_VALUES_MAX} values."
        )));
    }
    if name == TAG_FILTER {
        let tags = values.iter().map(|value| tag_filter(value)).collect::<Result<Vec<_>, _>>()?;
        return Ok(Filter::Or(tags));
    }
    match DIMENSIONS.iter().find(|(known, _)| *known == name) {
        Some((_, dimension)) => {
            Ok(Filter::Dimension { dimension: *dimension, values: values.to_vec(), how: Match::default() })
        }
        None => {
            let known: Vec<&str> = DIMENSIONS.iter().map(|(known, _)| *known).collect();
            Err(invalid(format!(
                "CostFilters: {name} is not supported here. Supported: {}, {TAG_FILTER}.",
                known.join(", ")
            )))
        }
    }
}

fn tag_filter(value: &str) -> Result<Filter, ServiceError> {
    let refuse = || invalid(format!("CostFilters: {value} must be like user:Key$value."));
    let (key, value) = value.split_once('$').ok_or_else(refuse)?;
    let key = match key.strip_prefix("user:") {
        Some(key) if !key.is_empty() => key,
        None if key.starts_with("aws:") => key,
        _ => return Err(refuse()),
    };
    Ok(Filter::Tag { key: key.to_owned(), values: vec![value.to_owned()], how: Match::default() })
}
