//! DescribeEgressOnlyInternetGateways.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    DescribeEgressOnlyInternetGatewaysRequest, DescribeEgressOnlyInternetGatewaysResult,
};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, ids, render};

/// Only tags: AWS knows no others here.
const FILTERS: &[&str] = &[];

pub async fn describe_egress_only_internet_gateways(
    context: Context,
    input: DescribeEgressOnlyInternetGatewaysRequest,
) -> Result<DescribeEgressOnlyInternetGatewaysResult, ServiceError> {
    context.authorise("ec2:DescribeEgressOnlyInternetGateways", "*")?;
    let given = input.egress_only_internet_gateway_ids.unwrap_or_default();
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let table = &view.egress_only_internet_gateways;
    let rows = ids::EGRESS_ONLY_INTERNET_GATEWAY.rows(table, &context.scope, &given, &page)?;
    check_dry_run(input.dry_run)?;
    let matching = rows.into_iter().filter(|(_, row)| filters.match_resource(&row.tags, |_| Vec::new()));
    let (found, next_token) = page
        .take(matching.map(|(key, row)| {
            (key, render::egress_only_internet_gateway::egress_only_internet_gateway(row))
        }));
    Ok(DescribeEgressOnlyInternetGatewaysResult { egress_only_internet_gateways: Some(found), next_token })
}
