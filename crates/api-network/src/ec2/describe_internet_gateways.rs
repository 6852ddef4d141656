//! DescribeInternetGateways.

use state_model::ec2::InternetGateway;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeInternetGatewaysRequest, DescribeInternetGatewaysResult};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, ids, render};

const FILTERS: &[&str] = &["attachment.state", "attachment.vpc-id", "internet-gateway-id", "owner-id"];

pub async fn describe_internet_gateways(
    context: Context,
    input: DescribeInternetGatewaysRequest,
) -> Result<DescribeInternetGatewaysResult, ServiceError> {
    context.authorise("ec2:DescribeInternetGateways", "*")?;
    let given = input.internet_gateway_ids.unwrap_or_default();
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let rows = ids::INTERNET_GATEWAY.rows(&view.internet_gateways, &context.scope, &given, &page)?;
    check_dry_run(input.dry_run)?;
    let matching =
        rows.into_iter().filter(|(_, row)| filters.match_resource(&row.tags, |name| values(row, name)));
    let (found, next_token) =
        page.take(matching.map(|(key, row)| (key, render::internet_gateway::internet_gateway(row))));
    Ok(DescribeInternetGatewaysResult { internet_gateways: Some(found), next_token })
}

fn values(gateway: &InternetGateway, filter: &str) -> Vec<String> {
    let attachment = gateway.vpc_id.iter();
    match filter {
        "attachment.state" => attachment.map(|_| String::from(render::internet_gateway::ATTACHED)).collect(),
        "attachment.vpc-id" => attachment.cloned().collect(),
        "internet-gateway-id" => vec![gateway.id.clone()],
        "owner-id" => vec![gateway.scope.account.clone()],
        _ => Vec::new(),
    }
}
