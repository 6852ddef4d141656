//! The security groups of a VPC, and the prefix lists that their rules name.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use link_protocol::network::{GroupSnapshot, PrefixListSnapshot};
use state_model::Scope;
use state_model::ec2::security_group::RulePeer;
use state_model::ec2::{NetworkInterface, SecurityGroup};
use state_tables::{Row, View, prefix_lists as lists};

use super::{is_on, key_of, peers};

/// The groups of the node's interfaces in the VPC, and those that their rules refer to.
pub(super) fn of_vpc(view: &View, node: &str, vpc_key: &str) -> Vec<GroupSnapshot> {
    let interfaces = view.network_interfaces.by("vpc", vpc_key);
    let here = interfaces.filter(|interface| is_on(view, interface, node));
    // From a group's id to its record's key.
    let mut keys: BTreeMap<&str, String> = BTreeMap::new();
    for interface in here {
        for group in &interface.security_groups {
            keys.entry(group).or_insert_with(|| interface.scope.key(group));
        }
    }
    let own: Vec<&Row<SecurityGroup>> =
        keys.values().filter_map(|key| view.security_groups.get(key)).collect();
    for group in own {
        for rule in &group.rules {
            if let RulePeer::Group { id, account } = &rule.peer {
                keys.entry(id).or_insert_with(|| Scope::new(account, &group.scope.region).key(id));
            }
        }
    }
    let peers: BTreeSet<String> = peers(view, vpc_key).map(|(_, peer)| key_of(peer)).collect();
    keys.iter().map(|(id, key)| snapshot(view, node, vpc_key, &peers, id, key)).collect()
}

/// A group that is gone allows nothing: AWS refuses to delete one in use, so this is only a race's moment. The same holds for a
/// group of a VPC that is no peer any more, to which a stale rule refers.
fn snapshot(
    view: &View,
    node: &str,
    vpc_key: &str,
    peers: &BTreeSet<String>,
    id: &str,
    key: &str,
) -> GroupSnapshot {
    let mut snapshot = GroupSnapshot {
        id: id.to_owned(),
        group: None,
        remote_members: Vec::new(),
        remote_members_v6: Vec::new(),
    };
    let Some(group) = view.security_groups.get(key) else { return snapshot };
    let group_vpc = group.scope.key(&group.vpc_id);
    if group_vpc == vpc_key {
        snapshot.group = Some(Arc::clone(group.record()));
        let elsewhere = |interface: &NetworkInterface| !is_on(view, interface, node);
        (snapshot.remote_members, snapshot.remote_members_v6) = members(view, key, elsewhere);
    } else if peers.contains(&group_vpc) {
        (snapshot.remote_members, snapshot.remote_members_v6) = members(view, key, |_| true);
    }
    snapshot
}

/// Their addresses of both families, in order, so that two snapshots of the same are equal.
fn members(
    view: &View,
    group_key: &str,
    wanted: impl Fn(&NetworkInterface) -> bool,
) -> (Vec<Ipv4Addr>, Vec<Ipv6Addr>) {
    let interfaces = view.network_interfaces.by("security-group", group_key);
    let (mut addresses, mut ipv6_addresses) = (BTreeSet::new(), BTreeSet::new());
    for interface in interfaces.filter(|interface| wanted(interface)) {
        addresses.extend(interface.addresses());
        ipv6_addresses.extend(&interface.ipv6_addresses);
    }
    (addresses.into_iter().collect(), ipv6_addresses.into_iter().collect())
}

/// Those that rules of the groups name. A list that is gone holds no address.
pub(super) fn prefix_lists(view: &View, scope: &Scope, groups: &[GroupSnapshot]) -> Vec<PrefixListSnapshot> {
    let rules = groups.iter().flat_map(GroupSnapshot::rules);
    let ids: BTreeSet<&str> = rules
        .filter_map(|rule| match &rule.peer {
            RulePeer::PrefixList(id) => Some(id.as_str()),
            RulePeer::Ipv4(_) | RulePeer::Ipv6(_) | RulePeer::Group { .. } => None,
        })
        .collect();
    let told = ids.into_iter().map(|id| PrefixListSnapshot {
        id: id.to_owned(),
        cidr_blocks: lists::cidr_blocks(view, scope, id).unwrap_or_default(),
    });
    told.collect()
}
