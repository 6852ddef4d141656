use std::collections::BTreeSet;

use api_auth::Context;
use state_model::billing::line::{CLUSTER_TAG, SERVICE_TAG};
use state_model::billing::query::GroupKey;
use state_tables::usage;
use wire_schema::ServiceError;
use wire_shapes_observe::ce;

use super::CostExplorer;
use super::errors::invalid;
use super::get_cost_and_usage::check_billing_view;
use super::get_dimension_values::{Search, page_size, size};
use super::page::Pages;
use super::period::{self, Granularity};

/// The keys of the active tags that something used has, or the values of one of them.
pub async fn get_tags(
    context: Context<CostExplorer>,
    mut input: ce::GetTagsRequest,
) -> Result<ce::GetTagsResponse, ServiceError> {
    context.authorise("ce:GetTags", "*")?;
    let token = input.next_page_token.take();
    let pages = Pages::of(&input, token.as_deref())?;
    check_billing_view(&context, input.billing_view_arn.as_deref())?;
    let tags = match &input.tag_key {
        Some(key) => {
            let search = Search {
                time_period: input.time_period.as_ref(),
                filter: input.filter.take(),
                text: None,
                sort: input.sort_by.as_deref().unwrap_or_default(),
            };
            let values = search.values(&context, GroupKey::Tag(key.clone()))?;
            let prefix = format!("{key}$");
            values.into_iter().map(|value| value.replacen(&prefix, "", 1)).collect()
        }
        None if input.filter.is_some() || input.sort_by.is_some() => {
            return Err(invalid("Filter and SortBy need a TagKey."));
        }
        None => keys(&context, input.time_period.as_ref())?,
    };
    let wanted = input.search_string.as_deref().unwrap_or_default().to_lowercase();
    let found: Vec<String> =
        tags.into_iter().filter(|value| value.to_lowercase().contains(&wanted)).collect();
    let total = found.len();
    let (page, next) = pages.cut(found, page_size(input.max_results)?);
    Ok(ce::GetTagsResponse {
        next_page_token: next,
        return_size: Some(size(page.len())),
        total_size: Some(size(total)),
        tags: Some(page),
    })
}

fn keys(
    context: &Context<CostExplorer>,
    time_period: Option<&ce::DateInterval>,
) -> Result<Vec<String>, ServiceError> {
    let span = period::span(time_period, Granularity::Daily, context.now)?;
    let view = context.view();
    let account = &context.scope.account;
    let mut keys = BTreeSet::new();
    for usage in usage::of_span(&view, account, span, context.now) {
        keys.insert(CLUSTER_TAG.to_owned());
        keys.extend(usage.attributes.service.map(|_| SERVICE_TAG.to_owned()));
        keys.extend(usage.attributes.tags.into_keys());
    }
    keys.retain(|key| usage::is_active_tag(&view, account, key));
    Ok(keys.into_iter().collect())
}
