//! One VPC as a node must have it.

use std::collections::BTreeSet;

use link_protocol::network::{
    FlowLogSnapshot, NatGatewaySnapshot, NetworkAclSnapshot, PeeringSnapshot, RouteTableSnapshot,
    SubnetSnapshot, VpcSnapshot,
};
use state_model::ec2::{NetworkAcl, RouteTable, Subnet};
use state_tables::{Row, View, network_paths};

use super::endpoints;
use super::groups;
use super::names;
use super::routes::{self, Held};

/// `needed` are the keys of the node's VPCs. None when there is no such VPC.
pub(super) fn snapshot(
    view: &View,
    node: &str,
    key: &str,
    needed: &BTreeSet<String>,
    flow_logs: Vec<FlowLogSnapshot>,
) -> Option<VpcSnapshot> {
    let vpc = view.vpcs.get(key)?;
    let subnets: Vec<Placed<'_>> =
        view.subnets.by("vpc", key).filter_map(|subnet| placed(view, subnet)).collect();
    let nat_gateways = nat_gateways(view, key);
    let peering_connections = peering_connections(view, key, needed);
    let endpoints = endpoints::snapshots(view, vpc);
    let held = Held {
        node,
        nat_gateways: nat_gateways.iter().map(|gateway| gateway.id.as_str()).collect(),
        peering_connections: peering_connections.iter().map(|peering| peering.id.as_str()).collect(),
        endpoints: endpoints.iter().map(|endpoint| endpoint.id.as_str()).collect(),
    };
    let groups = groups::of_vpc(view, node, key);
    let prefix_lists = groups::prefix_lists(view, &vpc.scope, &groups);
    Some(VpcSnapshot {
        scope: vpc.scope.clone(),
        id: vpc.id.clone(),
        cidr_blocks: vpc.cidr_blocks().map(str::to_owned).collect(),
        ipv6_cidr_block: vpc.ipv6_block.as_ref().map(|block| block.cidr_block.clone()),
        route_tables: route_tables(view, &subnets, &held),
        network_acls: network_acls(view, &subnets),
        subnets: subnets.iter().map(Placed::snapshot).collect(),
        groups,
        prefix_lists,
        nat_gateways,
        peering_connections,
        endpoints,
        flow_logs,
        names: names::of_vpc(view, key),
        dns_support: vpc.enable_dns_support,
        dns_hostnames: vpc.enable_dns_hostnames,
    })
}

/// A subnet and what decides about its packets.
struct Placed<'v> {
    subnet: &'v Row<Subnet>,
    route_table: &'v Row<RouteTable>,
    network_acl: &'v Row<NetworkAcl>,
}

fn placed<'v>(view: &'v View, subnet: &'v Row<Subnet>) -> Option<Placed<'v>> {
    let route_table = network_paths::route_table(view, subnet)?;
    let network_acl = network_paths::network_acl(view, subnet)?;
    Some(Placed { subnet, route_table, network_acl })
}

impl Placed<'_> {
    fn snapshot(&self) -> SubnetSnapshot {
        SubnetSnapshot {
            id: self.subnet.id.clone(),
            cidr_block: self.subnet.cidr_block.clone(),
            ipv6_cidr_block: self.subnet.ipv6_block.as_ref().map(|block| block.cidr_block.clone()),
            availability_zone_id: self.subnet.availability_zone_id.clone(),
            route_table_id: self.route_table.id.clone(),
            network_acl_id: self.network_acl.id.clone(),
        }
    }
}

/// Those that subnets use, each once.
fn route_tables(view: &View, subnets: &[Placed<'_>], held: &Held<'_>) -> Vec<RouteTableSnapshot> {
    let mut told = BTreeSet::new();
    let tables = subnets.iter().map(|placed| placed.route_table);
    tables
        .filter(|table| told.insert(table.id.as_str()))
        .map(|table| routes::snapshot(view, table, held))
        .collect()
}

fn network_acls(view: &View, subnets: &[Placed<'_>]) -> Vec<NetworkAclSnapshot> {
    let mut told = BTreeSet::new();
    let acls = subnets.iter().map(|placed| placed.network_acl);
    acls.filter(|acl| told.insert(acl.id.as_str()))
        .map(|acl| NetworkAclSnapshot { id: acl.id.clone(), entries: network_paths::acl_entries(view, acl) })
        .collect()
}

fn nat_gateways(view: &View, vpc_key: &str) -> Vec<NatGatewaySnapshot> {
    let gateways = view.nat_gateways.by("vpc", vpc_key).filter(|gateway| super::is_wanted(view, gateway));
    gateways
        .map(|gateway| NatGatewaySnapshot {
            id: gateway.id.clone(),
            eni_id: gateway.network_interface_id.clone(),
            subnet_id: gateway.subnet_id.clone(),
            private_address: gateway.private_address,
            public_address: gateway.elastic_ip.as_ref().map(|elastic| elastic.public_address),
        })
        .collect()
}

/// Those whose other side the node has too: the others would lead nowhere.
fn peering_connections(view: &View, vpc_key: &str, needed: &BTreeSet<String>) -> Vec<PeeringSnapshot> {
    let peers = super::peers(view, vpc_key).filter_map(|(connection, peer)| {
        let peer_key = super::key_of(peer);
        let peer_vpc = view.vpcs.get(&peer_key).filter(|_| needed.contains(&peer_key))?;
        let ipv6 = peer_vpc.ipv6_block.iter().map(|block| block.cidr_block.as_str());
        let blocks = peer_vpc.cidr_blocks().chain(ipv6);
        Some(PeeringSnapshot {
            id: connection.id.clone(),
            peer_vpc_id: peer.vpc_id.clone(),
            peer_cidr_blocks: blocks.map(str::to_owned).collect(),
        })
    });
    peers.collect()
}
