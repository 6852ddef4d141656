//! DescribeVpcPeeringConnections: those that the account's VPCs of the region have part in.

use std::collections::BTreeMap;

use state_model::Record;
use state_model::ec2::VpcPeeringConnection;
use state_tables::Row;
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, ids, peering, render};

const FILTERS: &[&str] = &[
    "accepter-vpc-info.cidr-block",
    "accepter-vpc-info.owner-id",
    "accepter-vpc-info.vpc-id",
    "expiration-time",
    "requester-vpc-info.cidr-block",
    "requester-vpc-info.owner-id",
    "requester-vpc-info.vpc-id",
    "status-code",
    "status-message",
    "vpc-peering-connection-id",
];

pub async fn describe_vpc_peering_connections(
    context: Context,
    input: wire::DescribeVpcPeeringConnectionsRequest,
) -> Result<wire::DescribeVpcPeeringConnectionsResult, ServiceError> {
    context.authorise("ec2:DescribeVpcPeeringConnections", "*")?;
    let given = input.vpc_peering_connection_ids.unwrap_or_default();
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let wanted = ids::unique(&given)?;
    let rows: Vec<&Row<VpcPeeringConnection>> = if wanted.is_empty() {
        // From either side. All there are: their number has a quota for each VPC.
        let is_side = |row: &Row<VpcPeeringConnection>| {
            row.requester.scope == context.scope || row.accepter.scope == context.scope
        };
        let rows = view.vpc_peering_connections.iter().map(|(_, row)| row);
        rows.filter(|row| is_side(row) && peering::is_shown(row, context.now)).collect()
    } else {
        let rows = wanted.into_iter().map(|id| peering::find(&view, &context.scope, id, context.now));
        rows.collect::<Result<_, ServiceError>>()?
    };
    check_dry_run(input.dry_run)?;
    let no_tags = BTreeMap::new();
    let matching = rows
        .into_iter()
        .map(|row| {
            let shown = render::vpc_peering_connection::vpc_peering_connection(
                &view,
                row,
                &context.scope,
                context.now,
            );
            (row, shown)
        })
        .filter(|(row, _)| page.after.as_ref().is_none_or(|after| row.key() > *after))
        .filter(|(row, shown)| {
            let tags = if row.scope == context.scope { &row.tags } else { &no_tags };
            filters.match_resource(tags, |name| values(shown, name))
        });
    let (found, next_token) = page.take(matching.map(|(row, shown)| (row.key(), shown)));
    Ok(wire::DescribeVpcPeeringConnectionsResult { next_token, vpc_peering_connections: Some(found) })
}

fn values(shown: &wire::VpcPeeringConnection, filter: &str) -> Vec<String> {
    let (side, name) = match filter.split_once("-vpc-info.") {
        Some(("accepter", name)) => (shown.accepter_vpc_info.as_ref(), name),
        Some((_, name)) => (shown.requester_vpc_info.as_ref(), name),
        None => (None, filter),
    };
    let status = shown.status.as_ref();
    let value = match name {
        "cidr-block" => side.and_then(|side| side.cidr_block.clone()),
        "owner-id" => side.and_then(|side| side.owner_id.clone()),
        "vpc-id" => side.and_then(|side| side.vpc_id.clone()),
        "expiration-time" => shown.expiration_time.map(|time| {
            let time = stdx::clock::Timestamp::from_millis(time.millis);
            time.to_rfc3339_millis()
        }),
        "status-code" => status.and_then(|status| status.code.as_ref()).map(ToString::to_string),
        "status-message" => status.and_then(|status| status.message.clone()),
        "vpc-peering-connection-id" => shown.vpc_peering_connection_id.clone(),
        _ => None,
    };
    value.into_iter().collect()
}
