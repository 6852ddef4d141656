//! The network snapshot of a node: the VPCs that something is needed of there, with all that decides about their packets.

mod changes;
mod endpoints;
mod flow_logs;
mod fronts;
mod groups;
mod names;
mod routes;
mod vpc;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use link_protocol::Interface;
use link_protocol::network::{Ipv6PoolSnapshot, NetworkSnapshot};
use state_model::ec2::ipv6_pool::IPV6_POOL_KEY;
use state_model::ec2::nat_gateway::NatGatewayState;
use state_model::ec2::network_interface::InterfaceOwner;
use state_model::ec2::vpc_peering_connection::{PeeredVpc, PeeringStatus};
use state_model::ec2::{NatGateway, NetworkInterface, VpcPeeringConnection};
use state_tables::{Row, View, network_paths};

pub use changes::may_differ;

/// Everything the interfaces of `node` need. A group that a rule refers to is told with its members, though no interface
/// of the node may be in it.
pub fn snapshot(view: &View, node: &str) -> NetworkSnapshot {
    let flow_logs = flow_logs::by_vpc(view);
    let needed = needed(view, node, flow_logs.keys());
    let vpcs = needed.iter().filter_map(|key| {
        let flow_logs = flow_logs.get(key).cloned().unwrap_or_default();
        vpc::snapshot(view, node, key, &needed, flow_logs)
    });
    NetworkSnapshot {
        vpcs: vpcs.collect(),
        edges: edges(view, node),
        fronts: fronts::of_node(view, node),
        host_addresses: host_addresses(view, node),
        ipv6_pool: ipv6_pool(view),
    }
}

fn ipv6_pool(view: &View) -> Option<Ipv6PoolSnapshot> {
    let pool = view.ipv6_pool.get(IPV6_POOL_KEY)?;
    // What this installation has drawn for itself, nobody else knows the way to.
    Some(Ipv6PoolSnapshot { cidr_block: pool.cidr_block.clone(), masquerade: pool.is_unique_local })
}

/// The keys of the VPCs that the node must have: those of its interfaces, of everything that is on every node, and of their
/// peers, since a link between two VPCs needs both.
fn needed<'a>(view: &View, node: &str, with_flow_logs: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    let interfaces = view.network_interfaces.iter().map(|(_, interface)| interface);
    let interfaces = interfaces.filter(|interface| is_placed_on(view, interface, node));
    let mut keys: BTreeSet<String> =
        interfaces.map(|interface| interface.scope.key(&interface.vpc_id)).collect();
    let gateways = view.nat_gateways.iter().filter(|(_, gateway)| is_wanted(view, gateway));
    keys.extend(gateways.map(|(_, gateway)| gateway.scope.key(&gateway.vpc_id)));
    let endpoints = view.vpc_endpoints.iter().filter(|(_, endpoint)| endpoint.deleted_at.is_none());
    keys.extend(endpoints.map(|(_, endpoint)| endpoint.scope.key(&endpoint.vpc_id)));
    keys.extend(with_flow_logs.cloned());
    let peers: Vec<String> =
        keys.iter().flat_map(|key| peers(view, key)).map(|(_, peer)| key_of(peer)).collect();
    keys.extend(peers);
    keys.retain(|key| view.vpcs.contains(key));
    keys
}

fn key_of(peer: &PeeredVpc) -> String {
    peer.scope.key(&peer.vpc_id)
}

/// The active peering connections of the VPC with this key, each with its other side.
fn peers<'v>(
    view: &'v View,
    vpc_key: &str,
) -> impl Iterator<Item = (&'v Row<VpcPeeringConnection>, &'v PeeredVpc)> + use<'v> {
    let vpc_id = vpc_key.rsplit('/').next().unwrap_or_default().to_owned();
    let connections = view.vpc_peering_connections.by("vpc", vpc_key);
    let active = connections.filter(|connection| connection.status == PeeringStatus::Active);
    active.filter_map(move |connection| Some((connection, connection.other_side(&vpc_id)?)))
}

/// Whether nodes carry traffic through it: not when it failed or is to go.
fn is_wanted(view: &View, gateway: &NatGateway) -> bool {
    let state = network_paths::nat_gateway_state(view, gateway);
    matches!(state, NatGatewayState::Pending | NatGatewayState::Available)
}

/// Whether the interface's task or load balancer is on the node.
fn is_placed_on(view: &View, interface: &NetworkInterface, node: &str) -> bool {
    match interface.owner() {
        InterfaceOwner::Task(key) => {
            let placement = view.task_placements.get(key).and_then(|placement| placement.placed());
            placement.is_some_and(|placed| placed.node == node)
        }
        InterfaceOwner::LoadBalancer(key) => {
            let placement = view.elb_load_balancer_placements.get(key);
            placement.is_some_and(|placement| placement.node == node)
        }
        InterfaceOwner::NatGateway(_) | InterfaceOwner::VpcEndpoint(_) | InterfaceOwner::User => false,
    }
}

/// As [`is_placed_on`], and those that every node has.
fn is_on(view: &View, interface: &NetworkInterface, node: &str) -> bool {
    let scope = &interface.scope;
    match interface.owner() {
        InterfaceOwner::NatGateway(id) => {
            view.nat_gateways.get(&scope.key(id)).is_some_and(|gateway| is_wanted(view, gateway))
        }
        InterfaceOwner::VpcEndpoint(id) => {
            view.vpc_endpoints.get(&scope.key(id)).is_some_and(|endpoint| endpoint.deleted_at.is_none())
        }
        _ => is_placed_on(view, interface, node),
    }
}

/// The interfaces of the load balancers that are placed on the node.
fn edges(view: &View, node: &str) -> Vec<Interface> {
    let placements = view.elb_load_balancer_placements.by("node", node);
    let zones = placements.flat_map(|placement| {
        placement.zones.iter().map(|zone| placement.scope.key(&zone.eni_id)).collect::<Vec<_>>()
    });
    zones.filter_map(|key| edge(view, view.network_interfaces.get(&key)?)).collect()
}

/// An interface with a namespace of its own. What listens at its public address does so on the host, so the interface itself
/// has none.
fn edge(view: &View, interface: &NetworkInterface) -> Option<Interface> {
    let scope = &interface.scope;
    Some(Interface {
        eni_id: interface.id.clone(),
        vpc_id: interface.vpc_id.clone(),
        vpc_cidr_block: view.vpcs.get(&scope.key(&interface.vpc_id))?.cidr_block.clone(),
        subnet_id: interface.subnet_id.clone(),
        subnet_cidr_block: view.subnets.get(&scope.key(&interface.subnet_id))?.cidr_block.clone(),
        address: interface.address,
        mac_address: interface.mac_address.clone(),
        private_dns_name: interface.private_dns_name.clone(),
        security_groups: interface.security_groups.clone(),
        public_address: None,
        ipv6_addresses: Vec::new(),
        subnet_ipv6_cidr_block: None,
        names: None,
    })
}

/// Public addresses that the host doesn't have by itself: every loopback address is its own already.
fn host_addresses(view: &View, node: &str) -> BTreeSet<Ipv4Addr> {
    let placements = view.elb_load_balancer_placements.by("node", node);
    let of_load_balancers = placements.flat_map(|placement| placement.record().zones.iter());
    let of_load_balancers = of_load_balancers.filter_map(|zone| zone.public_address);
    let interfaces = view.network_interfaces.iter().map(|(_, interface)| interface);
    let of_tasks = interfaces
        .filter(|interface| interface.public_address.is_some() && is_placed_on(view, interface, node))
        .filter_map(|interface| interface.public_address);
    let gateways = view.nat_gateways.iter().filter(|(_, gateway)| is_wanted(view, gateway));
    let of_gateways =
        gateways.filter_map(|(_, gateway)| gateway.elastic_ip.as_ref()).map(|elastic| elastic.public_address);
    let all = of_load_balancers.chain(of_tasks).chain(of_gateways);
    all.filter(|address| !address.is_loopback()).collect()
}
