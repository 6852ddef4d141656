//! DescribeDhcpOptions.

use state_model::ec2::DhcpOptions;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeDhcpOptionsRequest, DescribeDhcpOptionsResult};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, ids, region_dhcp_options, render};

const FILTERS: &[&str] = &["dhcp-options-id", "key", "owner-id", "value"];

pub async fn describe_dhcp_options(
    context: Context,
    input: DescribeDhcpOptionsRequest,
) -> Result<DescribeDhcpOptionsResult, ServiceError> {
    context.authorise("ec2:DescribeDhcpOptions", "*")?;
    let given = input.dhcp_options_ids.unwrap_or_default();
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let named = ids::unique(&given)?;
    for id in &named {
        region_dhcp_options::check(&view, &context.scope, id)?;
    }
    check_dry_run(input.dry_run)?;
    let matching = region_dhcp_options::all(&view, &context.scope).into_iter().filter(|(key, options)| {
        let wanted = named.is_empty() || named.contains(options.id.as_str());
        let follows = page.after.as_ref().is_none_or(|after| key > after);
        wanted && follows && filters.match_resource(&options.tags, |name| values(options, name))
    });
    let (found, next_token) =
        page.take(matching.map(|(key, options)| (key, render::dhcp_options::dhcp_options(&options))));
    Ok(DescribeDhcpOptionsResult { dhcp_options: Some(found), next_token })
}

fn values(options: &DhcpOptions, filter: &str) -> Vec<String> {
    match filter {
        "dhcp-options-id" => vec![options.id.clone()],
        "key" => options.configurations.keys().cloned().collect(),
        "owner-id" => vec![options.scope.account.clone()],
        "value" => options.configurations.values().flatten().cloned().collect(),
        _ => Vec::new(),
    }
}
