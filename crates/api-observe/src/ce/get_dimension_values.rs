use std::collections::BTreeMap;

use api_auth::Context;
use state_model::billing::line::Dimension;
use state_model::billing::query::{GroupKey, Query, Sum};
use state_tables::usage;
use wire_schema::ServiceError;
use wire_shapes_observe::ce;

use super::CostExplorer;
use super::errors::invalid;
use super::get_cost_and_usage::{check_billing_view, filter, with_description};
use super::limits::VALUES_PER_PAGE;
use super::page::Pages;
use super::period::{self, Granularity};
use crate::filters;

pub async fn get_dimension_values(
    context: Context<CostExplorer>,
    mut input: ce::GetDimensionValuesRequest,
) -> Result<ce::GetDimensionValuesResponse, ServiceError> {
    context.authorise("ce:GetDimensionValues", "*")?;
    let token = input.next_page_token.take();
    let pages = Pages::of(&input, token.as_deref())?;
    check_billing_view(&context, input.billing_view_arn.as_deref())?;
    if let Some(other) = input.context.as_ref().filter(|context| **context != ce::Context::CostAndUsage) {
        return Err(invalid(format!("Context {other} is not supported here: COST_AND_USAGE is.")));
    }
    if input.dimension_key.is_some() {
        return Err(invalid("DimensionKey is not supported here."));
    }
    let name = input.dimension.as_ref().ok_or_else(|| invalid("Dimension must not be null"))?;
    let dimension =
        Dimension::parse(name.as_str()).ok_or_else(|| invalid(filters::unknown_dimension(name.as_str())))?;
    let found = Search {
        time_period: input.time_period.as_ref(),
        filter: input.filter.take(),
        text: input.search_string.as_deref(),
        sort: input.sort_by.as_deref().unwrap_or_default(),
    };
    let values = found.values(&context, GroupKey::Dimension(dimension))?;
    let total = values.len();
    let (page, next) = pages.cut(values, page_size(input.max_results)?);
    let is_account = dimension == Dimension::LinkedAccount;
    let shown = page.into_iter().map(|value| match is_account {
        true => with_description(value),
        false => ce::DimensionValuesWithAttributes { attributes: Some(BTreeMap::new()), value: Some(value) },
    });
    let shown: Vec<_> = shown.collect();
    Ok(ce::GetDimensionValuesResponse {
        return_size: Some(size(shown.len())),
        total_size: Some(size(total)),
        dimension_values: Some(shown),
        next_page_token: next,
    })
}

pub(super) fn size(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

pub(super) fn page_size(given: Option<i32>) -> Result<usize, ServiceError> {
    match given {
        None => Ok(VALUES_PER_PAGE),
        Some(count) => usize::try_from(count)
            .ok()
            .filter(|count| *count > 0)
            .map(|count| count.min(VALUES_PER_PAGE))
            .ok_or_else(|| invalid("MaxResults must be greater than or equal to 1")),
    }
}

/// What both lists of values take.
#[derive(Debug)]
pub(super) struct Search<'a> {
    pub time_period: Option<&'a ce::DateInterval>,
    pub filter: Option<ce::Expression>,
    pub text: Option<&'a str>,
    pub sort: &'a [ce::SortDefinition],
}

impl Search<'_> {
    /// The keys of the groups in which something was used.
    pub fn values(
        self,
        context: &Context<CostExplorer>,
        group: GroupKey,
    ) -> Result<Vec<String>, ServiceError> {
        let span = period::span(self.time_period, Granularity::Daily, context.now)?;
        let filter = filter(self.filter)?;
        let view = context.view();
        let account = &context.scope.account;
        let query = Query {
            periods: &[span],
            filter: filter.as_ref(),
            groups: &[group],
            is_active: &|tag| usage::is_active_tag(&view, account, tag),
            prices: &context.service.prices,
        };
        let sums = query.sums(usage::of_span(&view, account, span, context.now));
        let sums = sums.into_iter().flatten().map(|(keys, sum)| (keys.concat(), sum));
        let wanted = self.text.unwrap_or_default().to_lowercase();
        let mut found: Vec<(String, Sum)> =
            sums.filter(|(value, _)| value.to_lowercase().contains(&wanted)).collect();
        sort(&mut found, self.sort)?;
        Ok(found.into_iter().map(|(value, _)| value).collect())
    }
}

/// By value where nothing else is asked for.
fn sort(found: &mut [(String, Sum)], by: &[ce::SortDefinition]) -> Result<(), ServiceError> {
    let Some(by) = by.first() else { return Ok(()) };
    match by.key.as_deref() {
        Some("BlendedCost" | "UnblendedCost" | "AmortizedCost" | "NetAmortizedCost" | "NetUnblendedCost") => {
            found.sort_by_key(|(_, sum)| sum.cost);
        }
        Some("UsageQuantity") => found.sort_by_key(|(_, sum)| sum.quantity),
        Some("NormalizedUsageAmount") => {}
        other => {
            let other = other.unwrap_or_default();
            return Err(invalid(format!("Sort key {other} is invalid: it must be a metric.")));
        }
    }
    if by.sort_order == Some(ce::SortOrder::Descending) {
        found.reverse();
    }
    Ok(())
}
