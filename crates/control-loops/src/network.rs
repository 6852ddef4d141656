//! The network snapshot of a node: the VPCs and groups of the tasks and load balancers placed there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use control_plan::edge_names;
use link_protocol::Interface;
use link_protocol::network::{GroupSnapshot, NameSnapshot, NetworkSnapshot, SubnetSnapshot, VpcSnapshot};
use state_model::Scope;
use state_model::ec2::{NetworkInterface, Subnet};
use state_tables::{View, network_paths};

/// Everything the interfaces of `node` need. A group that a rule refers to is told with its members, though no interface
/// of the node may be in it.
pub fn snapshot(view: &View, node: &str) -> NetworkSnapshot {
    let mut vpcs: BTreeMap<String, (Scope, String, BTreeSet<String>)> = BTreeMap::new();
    for (_, interface) in view.network_interfaces.iter() {
        if !is_on(view, interface, node) {
            continue;
        }
        let entry = vpcs
            .entry(interface.scope.key(&interface.vpc_id))
            .or_insert_with(|| (interface.scope.clone(), interface.vpc_id.clone(), BTreeSet::new()));
        entry.2.extend(interface.security_groups.iter().cloned());
    }
    let vpcs = vpcs.into_iter().filter_map(|(key, (scope, id, groups))| {
        let vpc = view.vpcs.get(&key)?;
        let subnets =
            view.subnets.by("vpc", &key).filter_map(|subnet| subnet_snapshot(view, subnet)).collect();
        let groups = with_references(view, &scope, groups);
        let groups = groups.iter().map(|group| group_snapshot(view, node, &scope, group)).collect();
        let names = names(view, &key);
        Some(VpcSnapshot {
            scope,
            id,
            cidr_blocks: vpc.cidr_blocks().map(str::to_owned).collect(),
            ipv6_cidr_block: None,
            subnets,
            route_tables: Vec::new(),
            network_acls: Vec::new(),
            nat_gateways: Vec::new(),
            peering_connections: Vec::new(),
            endpoints: Vec::new(),
            flow_logs: Vec::new(),
            groups,
            prefix_lists: Vec::new(),
            names,
            dns_support: vpc.enable_dns_support,
            dns_hostnames: vpc.enable_dns_hostnames,
        })
    });
    NetworkSnapshot {
        vpcs: vpcs.collect(),
        edges: edges(view, node),
        host_addresses: host_addresses(view, node),
    }
}

fn subnet_snapshot(view: &View, subnet: &Subnet) -> Option<SubnetSnapshot> {
    Some(SubnetSnapshot {
        id: subnet.id.clone(),
        cidr_block: subnet.cidr_block.clone(),
        ipv6_cidr_block: None,
        availability_zone_id: subnet.availability_zone_id.clone(),
        route_table_id: network_paths::route_table(view, subnet)?.id.clone(),
        network_acl_id: network_paths::network_acl(view, subnet)?.id.clone(),
    })
}

/// The interfaces of the load balancers that are placed on the node.
fn edges(view: &View, node: &str) -> Vec<Interface> {
    let placements = view.elb_load_balancer_placements.by("node", node);
    let zones = placements.flat_map(|placement| {
        placement.zones.iter().map(|zone| placement.scope.key(&zone.eni_id)).collect::<Vec<_>>()
    });
    zones.filter_map(|key| edge(view, view.network_interfaces.get(&key)?)).collect()
}

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
        names: None,
    })
}

/// Public addresses that the host doesn't have by itself: every loopback address is its own already.
fn host_addresses(view: &View, node: &str) -> BTreeSet<Ipv4Addr> {
    let placements = view.elb_load_balancer_placements.by("node", node);
    let zones = placements.flat_map(|placement| placement.record().zones.iter());
    zones.filter_map(|zone| zone.public_address).filter(|address| !address.is_loopback()).collect()
}

/// The names of the VPC's load balancers.
fn names(view: &View, vpc_key: &str) -> Vec<NameSnapshot> {
    let load_balancers = view.elb_load_balancers.by("vpc", vpc_key);
    let named = load_balancers.map(|load_balancer| NameSnapshot {
        name: load_balancer.dns_name.clone(),
        addresses: edge_names::vpc_addresses(view, load_balancer),
    });
    named.filter(|name| !name.addresses.is_empty()).collect()
}

fn with_references(view: &View, scope: &Scope, mut groups: BTreeSet<String>) -> BTreeSet<String> {
    use state_model::ec2::security_group::RulePeer;
    let referenced: Vec<String> = groups
        .iter()
        .filter_map(|group| view.security_groups.get(&scope.key(group)))
        .flat_map(|group| group.rules.iter())
        .filter_map(|rule| match &rule.peer {
            RulePeer::Group { id, .. } => Some(id.clone()),
            _ => None,
        })
        .collect();
    groups.extend(referenced);
    groups
}

fn is_on(view: &View, interface: &NetworkInterface, node: &str) -> bool {
    if let Some(load_balancer) = &interface.load_balancer_key {
        let placement = view.elb_load_balancer_placements.get(load_balancer);
        return placement.is_some_and(|placement| placement.node == node);
    }
    let placement = view.task_placements.get(&interface.task_key);
    placement.and_then(|placement| placement.placed()).is_some_and(|placed| placed.node == node)
}

fn group_snapshot(view: &View, node: &str, scope: &Scope, id: &str) -> GroupSnapshot {
    let key = scope.key(id);
    // A group that is gone allows nothing: AWS refuses to delete one in use, so this is only a race's moment.
    let rules = view.security_groups.get(&key).map(|group| group.rules.clone()).unwrap_or_default();
    let members = view.network_interfaces.by("security-group", &key);
    let remote = members.filter(|interface| !is_on(view, interface, node));
    let remote_members = remote.map(|interface| interface.address).collect();
    GroupSnapshot { id: id.to_owned(), rules, remote_members }
}
