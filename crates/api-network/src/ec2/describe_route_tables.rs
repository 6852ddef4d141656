//! DescribeRouteTables.

use state_model::ec2::RouteTable;
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeRouteTablesRequest, DescribeRouteTablesResult, Route};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, ids, render};

const FILTERS: &[&str] = &[
    "association.gateway-id",
    "association.main",
    "association.route-table-association-id",
    "association.route-table-id",
    "association.subnet-id",
    "owner-id",
    "route-table-id",
    "route.destination-cidr-block",
    "route.destination-ipv6-cidr-block",
    "route.destination-prefix-list-id",
    "route.egress-only-internet-gateway-id",
    "route.gateway-id",
    "route.instance-id",
    "route.nat-gateway-id",
    "route.origin",
    "route.state",
    "route.transit-gateway-id",
    "route.vpc-peering-connection-id",
    "vpc-id",
];

pub async fn describe_route_tables(
    context: Context,
    input: DescribeRouteTablesRequest,
) -> Result<DescribeRouteTablesResult, ServiceError> {
    context.authorise("ec2:DescribeRouteTables", "*")?;
    let given = input.route_table_ids.unwrap_or_default();
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let rows = ids::ROUTE_TABLE.rows(&view.route_tables, &context.scope, &given, &page)?;
    check_dry_run(input.dry_run)?;
    let matching = rows
        .into_iter()
        .filter(|(_, row)| filters.match_resource(&row.tags, |name| values(&view, row, name)));
    let (found, next_token) =
        page.take(matching.map(|(key, row)| (key, render::route_table::route_table(&view, row))));
    Ok(DescribeRouteTablesResult { route_tables: Some(found), next_token })
}

fn values(view: &View, table: &RouteTable, filter: &str) -> Vec<String> {
    let associations = table.associations.iter();
    match filter {
        "association.main" => associations.map(|one| one.subnet_id.is_none().to_string()).collect(),
        "association.route-table-association-id" => associations.map(|one| one.id.clone()).collect(),
        "association.route-table-id" => associations.map(|_| table.id.clone()).collect(),
        "association.subnet-id" => associations.filter_map(|one| one.subnet_id.clone()).collect(),
        "owner-id" => vec![table.scope.account.clone()],
        "route-table-id" => vec![table.id.clone()],
        "vpc-id" => vec![table.vpc_id.clone()],
        _ => {
            let routes = table.routes.iter().map(|route| render::route_table::route(view, table, route));
            routes.filter_map(|route| route_value(route, filter)).collect()
        }
    }
}

fn route_value(route: Route, filter: &str) -> Option<String> {
    match filter {
        "route.destination-cidr-block" => route.destination_cidr_block,
        "route.destination-ipv6-cidr-block" => route.destination_ipv6_cidr_block,
        "route.destination-prefix-list-id" => route.destination_prefix_list_id,
        "route.egress-only-internet-gateway-id" => route.egress_only_internet_gateway_id,
        "route.gateway-id" => route.gateway_id,
        "route.nat-gateway-id" => route.nat_gateway_id,
        "route.origin" => route.origin.map(|origin| origin.to_string()),
        "route.state" => route.state.map(|state| state.to_string()),
        "route.vpc-peering-connection-id" => route.vpc_peering_connection_id,
        // No route leads to instances or transit gateways, and no table is a gateway's.
        _ => None,
    }
}
