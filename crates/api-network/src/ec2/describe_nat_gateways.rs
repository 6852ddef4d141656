//! DescribeNatGateways: deleted and failed ones are shown for an hour more.

use state_model::ec2::NatGateway;
use state_model::ec2::nat_gateway::SHOWN_AFTER_DELETION;
use state_tables::View;
use stdx::clock::Timestamp;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeNatGatewaysRequest, DescribeNatGatewaysResult};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, ids, render};

const FILTERS: &[&str] = &["connectivity-type", "nat-gateway-id", "state", "subnet-id", "vpc-id"];

pub async fn describe_nat_gateways(
    context: Context,
    input: DescribeNatGatewaysRequest,
) -> Result<DescribeNatGatewaysResult, ServiceError> {
    context.authorise("ec2:DescribeNatGateways", "*")?;
    let given = input.nat_gateway_ids.unwrap_or_default();
    let filters = Filters::new(input.filter, FILTERS)?;
    let page = Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let rows = ids::NAT_GATEWAY.rows(&view.nat_gateways, &context.scope, &given, &page)?;
    if let Some((_, row)) = rows.iter().find(|(_, row)| !given.is_empty() && !is_shown(row, context.now)) {
        return Err(ids::NAT_GATEWAY.unknown(&row.id));
    }
    check_dry_run(input.dry_run)?;
    let matching = rows
        .into_iter()
        .filter(|(_, row)| is_shown(row, context.now))
        .filter(|(_, row)| filters.match_resource(&row.tags, |name| values(&view, row, name)));
    let (found, next_token) =
        page.take(matching.map(|(key, row)| (key, render::nat_gateway::nat_gateway(&view, row))));
    Ok(DescribeNatGatewaysResult { nat_gateways: Some(found), next_token })
}

fn is_shown(gateway: &NatGateway, now: Timestamp) -> bool {
    gateway.deleted_at.is_none_or(|deleted_at| deleted_at.plus(SHOWN_AFTER_DELETION) > now)
}

fn values(view: &View, gateway: &NatGateway, filter: &str) -> Vec<String> {
    let shown = render::nat_gateway::nat_gateway(view, gateway);
    let value = match filter {
        "connectivity-type" => shown.connectivity_type.map(|kind| kind.to_string()),
        "nat-gateway-id" => Some(gateway.id.clone()),
        "state" => shown.state.map(|state| state.to_string()),
        "subnet-id" => Some(gateway.subnet_id.clone()),
        "vpc-id" => Some(gateway.vpc_id.clone()),
        _ => None,
    };
    value.into_iter().collect()
}
