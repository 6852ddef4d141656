//! A route table.

use state_model::ec2::RouteTable;
use state_model::ec2::route_table::{Route, RouteTableAssociation, RouteTarget};
use state_tables::{View, network_paths};
use wire_shapes_network::ec2 as wire;

use crate::ec2::tags;

pub fn route_table(view: &View, table: &RouteTable) -> wire::RouteTable {
    wire::RouteTable {
        associations: Some(
            table.associations.iter().map(|association| render_association(table, association)).collect(),
        ),
        owner_id: Some(table.scope.account.clone()),
        propagating_vgws: Some(Vec::new()),
        route_table_id: Some(table.id.clone()),
        routes: Some(table.routes.iter().map(|one| route(view, table, one)).collect()),
        tags: Some(tags::render(&table.tags)),
        vpc_id: Some(table.vpc_id.clone()),
    }
}

pub fn route(view: &View, table: &RouteTable, route: &Route) -> wire::Route {
    let mut shown = wire::Route {
        origin: Some(if route.made_with_table {
            wire::RouteOrigin::CreateRouteTable
        } else {
            wire::RouteOrigin::CreateRoute
        }),
        state: Some(if network_paths::is_active(view, table, route) {
            wire::RouteState::Active
        } else {
            wire::RouteState::Blackhole
        }),
        ..Default::default()
    };
    let destination = Some(route.destination.clone());
    match &route.destination {
        list if list.starts_with("pl-") => shown.destination_prefix_list_id = destination,
        block if block.contains(':') => shown.destination_ipv6_cidr_block = destination,
        _ => shown.destination_cidr_block = destination,
    }
    let target = Some(route.target.id().unwrap_or("local").to_owned());
    match &route.target {
        RouteTarget::Local | RouteTarget::InternetGateway(_) | RouteTarget::VpcEndpoint(_) => {
            shown.gateway_id = target;
        }
        RouteTarget::EgressOnlyInternetGateway(_) => shown.egress_only_internet_gateway_id = target,
        RouteTarget::NatGateway(_) => shown.nat_gateway_id = target,
        RouteTarget::VpcPeeringConnection(_) => shown.vpc_peering_connection_id = target,
        RouteTarget::NetworkInterface(_) => shown.network_interface_id = target,
    }
    shown
}

/// The state of an association that is there.
pub fn associated() -> wire::RouteTableAssociationState {
    wire::RouteTableAssociationState {
        state: Some(wire::RouteTableAssociationStateCode::Associated),
        status_message: None,
    }
}

fn render_association(
    table: &RouteTable,
    association: &RouteTableAssociation,
) -> wire::RouteTableAssociation {
    wire::RouteTableAssociation {
        association_state: Some(associated()),
        main: Some(association.subnet_id.is_none()),
        route_table_association_id: Some(association.id.clone()),
        route_table_id: Some(table.id.clone()),
        subnet_id: association.subnet_id.clone(),
        ..Default::default()
    }
}
