//! A security group, its rules one by one, and its permissions as they group by traffic.

use state_model::Scope;
use state_model::ec2::SecurityGroup;
use state_model::ec2::security_group::{RulePeer, RuleProtocol, SecurityGroupRule};
use state_tables::{Row, View};
use wire_shapes_network::ec2 as wire;

use crate::ec2::permissions::Permission;
use crate::ec2::{peering, rule_changes, tags};

pub fn security_group(view: &View, group: &SecurityGroup) -> wire::SecurityGroup {
    wire::SecurityGroup {
        description: Some(group.description.clone()),
        group_id: Some(group.id.clone()),
        group_name: Some(group.name.clone()),
        ip_permissions: Some(permissions(view, group, false)),
        ip_permissions_egress: Some(permissions(view, group, true)),
        owner_id: Some(group.scope.account.clone()),
        security_group_arn: Some(arn(group)),
        tags: Some(tags::render(&group.tags)),
        vpc_id: Some(group.vpc_id.clone()),
    }
}

pub fn arn(group: &SecurityGroup) -> String {
    group.scope.arn("ec2", &format!("security-group/{}", group.id))
}

/// `-1`, a name where EC2 has one, or the number.
pub fn protocol(protocol: RuleProtocol) -> String {
    match protocol {
        RuleProtocol::All => String::from("-1"),
        RuleProtocol::Tcp => String::from("tcp"),
        RuleProtocol::Udp => String::from("udp"),
        RuleProtocol::Icmp => String::from("icmp"),
        RuleProtocol::Number(58) => String::from("icmpv6"),
        RuleProtocol::Number(number) => number.to_string(),
    }
}

pub fn rule(view: &View, group: &SecurityGroup, rule: &SecurityGroupRule) -> wire::SecurityGroupRule {
    let peer = &rule.peer;
    let referenced = match peer {
        RulePeer::Group { id, account } => Some(wire::ReferencedSecurityGroup {
            group_id: Some(id.clone()),
            user_id: Some(account.clone()),
            ..peered(view, group, id, account)
        }),
        _ => None,
    };
    wire::SecurityGroupRule {
        cidr_ipv4: ipv4(peer),
        cidr_ipv6: ipv6(peer),
        description: rule.description.clone(),
        from_port: Some(rule.from_port),
        group_id: Some(group.id.clone()),
        group_owner_id: Some(group.scope.account.clone()),
        ip_protocol: Some(protocol(rule.protocol)),
        is_egress: Some(rule.is_egress),
        prefix_list_id: prefix_list(peer),
        referenced_group_info: referenced,
        security_group_rule_arn: Some(group.scope.arn("ec2", &format!("security-group-rule/{}", rule.id))),
        security_group_rule_id: Some(rule.id.clone()),
        tags: Some(tags::render(&rule.tags)),
        to_port: Some(rule.to_port),
    }
}

/// What is shown of a group in another VPC besides its id: the VPC, and the connection to it, if it is there yet.
fn peered(view: &View, group: &SecurityGroup, id: &str, account: &str) -> wire::ReferencedSecurityGroup {
    let scope = Scope::new(account, &group.scope.region);
    let other = view.security_groups.get(&scope.key(id));
    let Some(other) = other.filter(|other| other.vpc_id != group.vpc_id) else {
        return wire::ReferencedSecurityGroup::default();
    };
    let connection = peering::between(view, &group.scope, &group.vpc_id, &scope, &other.vpc_id);
    wire::ReferencedSecurityGroup {
        peering_status: connection.map(|connection| peering::code(connection.status).to_string()),
        vpc_id: Some(other.vpc_id.clone()),
        vpc_peering_connection_id: connection.map(|connection| connection.id.clone()),
        ..Default::default()
    }
}

pub fn revoked(group_id: &str, rule: &SecurityGroupRule) -> wire::RevokedSecurityGroupRule {
    wire::RevokedSecurityGroupRule {
        cidr_ipv4: ipv4(&rule.peer),
        cidr_ipv6: ipv6(&rule.peer),
        description: rule.description.clone(),
        from_port: Some(rule.from_port),
        group_id: Some(group_id.to_owned()),
        ip_protocol: Some(protocol(rule.protocol)),
        is_egress: Some(rule.is_egress),
        prefix_list_id: prefix_list(&rule.peer),
        referenced_group_id: match &rule.peer {
            RulePeer::Group { id, .. } => Some(id.clone()),
            _ => None,
        },
        security_group_rule_id: Some(rule.id.clone()),
        to_port: Some(rule.to_port),
    }
}

pub fn unknown_permission(permission: &Permission) -> wire::IpPermission {
    let mut rendered = empty_permission(permission.protocol, permission.from_port, permission.to_port);
    add_peer(&mut rendered, &permission.peer, None);
    rendered
}

/// The groups that rules name.
pub fn peers<'v>(view: &'v View, scope: &Scope, rules: &[SecurityGroupRule]) -> Vec<&'v Row<SecurityGroup>> {
    let keys = rules.iter().filter_map(|rule| match &rule.peer {
        RulePeer::Group { id, account } => Some(Scope::new(account, &scope.region).key(id)),
        _ => None,
    });
    keys.filter_map(|key| view.security_groups.get(&key)).collect()
}

/// Rules of one direction, those of the same traffic together, in the order in which each first came.
fn permissions(view: &View, group: &SecurityGroup, is_egress: bool) -> Vec<wire::IpPermission> {
    let mut grouped: Vec<(Permission, wire::IpPermission)> = Vec::new();
    for rule in group.rules.iter().filter(|rule| rule.is_egress == is_egress) {
        let one = rule_changes::permission_of(rule);
        let same_traffic = |other: &Permission| {
            (other.protocol, other.from_port, other.to_port) == (one.protocol, one.from_port, one.to_port)
        };
        let at = match grouped.iter().position(|(other, _)| same_traffic(other)) {
            Some(at) => at,
            None => {
                let rendered = empty_permission(one.protocol, one.from_port, one.to_port);
                grouped.push((one, rendered));
                grouped.len() - 1
            }
        };
        let rendered = &mut grouped[at].1;
        add_peer(rendered, &rule.peer, rule.description.clone());
        if let RulePeer::Group { id, account } = &rule.peer
            && let Some(pair) = rendered.user_id_group_pairs.as_mut().and_then(|pairs| pairs.last_mut())
        {
            let other = peered(view, group, id, account);
            pair.peering_status = other.peering_status;
            pair.vpc_id = other.vpc_id;
            pair.vpc_peering_connection_id = other.vpc_peering_connection_id;
        }
    }
    grouped.into_iter().map(|(_, rendered)| rendered).collect()
}

fn empty_permission(traffic: RuleProtocol, from_port: i32, to_port: i32) -> wire::IpPermission {
    let has_ports = match traffic {
        RuleProtocol::Tcp | RuleProtocol::Udp | RuleProtocol::Icmp => true,
        RuleProtocol::Number(number) => number == 58,
        RuleProtocol::All => false,
    };
    wire::IpPermission {
        from_port: has_ports.then_some(from_port),
        ip_protocol: Some(protocol(traffic)),
        ip_ranges: Some(Vec::new()),
        ipv6_ranges: Some(Vec::new()),
        prefix_list_ids: Some(Vec::new()),
        to_port: has_ports.then_some(to_port),
        user_id_group_pairs: Some(Vec::new()),
    }
}

fn add_peer(permission: &mut wire::IpPermission, peer: &RulePeer, description: Option<String>) {
    match peer {
        RulePeer::Ipv4(block) => permission
            .ip_ranges
            .get_or_insert_default()
            .push(wire::IpRange { cidr_ip: Some(block.clone()), description }),
        RulePeer::Ipv6(block) => permission
            .ipv6_ranges
            .get_or_insert_default()
            .push(wire::Ipv6Range { cidr_ipv6: Some(block.clone()), description }),
        RulePeer::PrefixList(id) => permission
            .prefix_list_ids
            .get_or_insert_default()
            .push(wire::PrefixListId { prefix_list_id: Some(id.clone()), description }),
        RulePeer::Group { id, account } => {
            permission.user_id_group_pairs.get_or_insert_default().push(wire::UserIdGroupPair {
                group_id: Some(id.clone()),
                user_id: Some(account.clone()),
                description,
                ..Default::default()
            });
        }
    }
}

pub fn ipv4(peer: &RulePeer) -> Option<String> {
    if let RulePeer::Ipv4(block) = peer { Some(block.clone()) } else { None }
}

pub fn ipv6(peer: &RulePeer) -> Option<String> {
    if let RulePeer::Ipv6(block) = peer { Some(block.clone()) } else { None }
}

pub fn prefix_list(peer: &RulePeer) -> Option<String> {
    if let RulePeer::PrefixList(id) = peer { Some(id.clone()) } else { None }
}
