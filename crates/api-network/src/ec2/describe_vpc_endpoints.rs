//! DescribeVpcEndpoints.

use state_model::ec2::VpcEndpoint;
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeVpcEndpointsRequest, DescribeVpcEndpointsResult};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, ids, render};

const FILTERS: &[&str] = &[
    "ip-address-type",
    "service-name",
    "service-region",
    "vpc-endpoint-id",
    "vpc-endpoint-state",
    "vpc-endpoint-type",
    "vpc-id",
];

pub async fn describe_vpc_endpoints(
    context: Context,
    input: DescribeVpcEndpointsRequest,
) -> Result<DescribeVpcEndpointsResult, ServiceError> {
    context.authorise("ec2:DescribeVpcEndpoints", "*")?;
    let given = input.vpc_endpoint_ids.unwrap_or_default();
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let rows = ids::VPC_ENDPOINT.rows(&view.vpc_endpoints, &context.scope, &given, &page)?;
    check_dry_run(input.dry_run)?;
    let matching = rows
        .into_iter()
        .filter(|(_, row)| filters.match_resource(&row.tags, |name| values(&view, row, name)));
    let (found, next_token) =
        page.take(matching.map(|(key, row)| (key, render::vpc_endpoint::vpc_endpoint(&view, row))));
    Ok(DescribeVpcEndpointsResult { next_token, vpc_endpoints: Some(found) })
}

fn values(view: &View, endpoint: &VpcEndpoint, filter: &str) -> Vec<String> {
    let value = match filter {
        "ip-address-type" => String::from("ipv4"),
        "service-name" => endpoint.service_name.clone(),
        "service-region" => endpoint.scope.region.clone(),
        "vpc-endpoint-id" => endpoint.id.clone(),
        "vpc-endpoint-state" => {
            let state = render::vpc_endpoint::state(view, endpoint).to_string();
            // Both spellings find it.
            let capital = state[..1].to_uppercase() + &state[1..];
            return vec![state, capital];
        }
        "vpc-endpoint-type" => render::vpc_endpoint::kind(endpoint).to_string(),
        "vpc-id" => endpoint.vpc_id.clone(),
        _ => return Vec::new(),
    };
    vec![value]
}
