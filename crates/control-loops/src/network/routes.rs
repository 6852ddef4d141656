//! A route table as a node must have it.

use std::collections::BTreeSet;

use link_protocol::network::{RouteSnapshot, RouteTableSnapshot, RouteTargetSnapshot};
use state_model::ec2::RouteTable;
use state_model::ec2::prefix_list;
use state_model::ec2::route_table::{Route, RouteTarget};
use state_tables::{View, network_paths, prefix_lists};

/// What the snapshot of the VPC holds: routes to anything else lead nowhere.
pub(super) struct Held<'a> {
    pub(super) node: &'a str,
    pub(super) nat_gateways: BTreeSet<&'a str>,
    pub(super) peering_connections: BTreeSet<&'a str>,
    pub(super) endpoints: BTreeSet<&'a str>,
}

pub(super) fn snapshot(view: &View, table: &RouteTable, held: &Held<'_>) -> RouteTableSnapshot {
    // Where a block and a prefix list name the same destination, the block's route counts, as on AWS.
    let (lists, blocks): (Vec<&Route>, Vec<&Route>) =
        table.routes.iter().partition(|route| is_prefix_list(&route.destination));
    let mut routes: Vec<RouteSnapshot> = Vec::with_capacity(table.routes.len());
    let mut destinations = BTreeSet::new();
    for route in blocks.into_iter().chain(lists) {
        let target = target(view, table, route, held);
        for destination in destination_blocks(view, table, route) {
            if destinations.insert(destination.clone()) {
                routes.push(RouteSnapshot { destination, target: target.clone() });
            }
        }
    }
    RouteTableSnapshot { id: table.id.clone(), routes }
}

fn is_prefix_list(destination: &str) -> bool {
    destination.starts_with("pl-")
}

fn destination_blocks(view: &View, table: &RouteTable, route: &Route) -> Vec<String> {
    match &route.target {
        // Its service's list, which is AWS's own.
        RouteTarget::VpcEndpoint(_) => vec![prefix_list::s3_block()],
        _ if is_prefix_list(&route.destination) => {
            prefix_lists::cidr_blocks(view, &table.scope, &route.destination).unwrap_or_default()
        }
        _ => vec![route.destination.clone()],
    }
}

fn target(view: &View, table: &RouteTable, route: &Route, held: &Held<'_>) -> RouteTargetSnapshot {
    if !network_paths::is_active(view, table, route) {
        return RouteTargetSnapshot::Blackhole;
    }
    let held_target = match &route.target {
        RouteTarget::Local => Some(RouteTargetSnapshot::Local),
        RouteTarget::InternetGateway(_) => Some(RouteTargetSnapshot::InternetGateway),
        RouteTarget::EgressOnlyInternetGateway(_) => Some(RouteTargetSnapshot::EgressOnlyInternetGateway),
        RouteTarget::NatGateway(id) => {
            held.nat_gateways.contains(id.as_str()).then(|| RouteTargetSnapshot::NatGateway(id.clone()))
        }
        RouteTarget::VpcPeeringConnection(id) => {
            held.peering_connections.contains(id.as_str()).then(|| RouteTargetSnapshot::Peering(id.clone()))
        }
        RouteTarget::NetworkInterface(id) => {
            let interface = view.network_interfaces.get(&table.scope.key(id));
            let here = interface.filter(|interface| super::is_on(view, interface, held.node));
            here.map(|interface| RouteTargetSnapshot::Interface(interface.address))
        }
        RouteTarget::VpcEndpoint(id) => {
            held.endpoints.contains(id.as_str()).then(|| RouteTargetSnapshot::Endpoint(id.clone()))
        }
    };
    held_target.unwrap_or(RouteTargetSnapshot::Blackhole)
}
