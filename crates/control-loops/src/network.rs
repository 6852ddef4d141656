//! The network snapshot of a node: the VPCs and groups of the tasks placed there.

use std::collections::{BTreeMap, BTreeSet};

use link_protocol::network::{GroupSnapshot, NetworkSnapshot, VpcSnapshot};
use state_model::Scope;
use state_model::ec2::NetworkInterface;
use state_tables::View;

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
        let cidr_block = view.vpcs.get(&key)?.cidr_block.clone();
        let subnets = view.subnets.by("vpc", &key);
        let subnet_cidr_blocks = subnets.map(|subnet| subnet.cidr_block.clone()).collect();
        let groups = with_references(view, &scope, groups);
        let groups = groups.iter().map(|group| group_snapshot(view, node, &scope, group)).collect();
        Some(VpcSnapshot { scope, id, cidr_block, subnet_cidr_blocks, groups })
    });
    NetworkSnapshot { vpcs: vpcs.collect() }
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
