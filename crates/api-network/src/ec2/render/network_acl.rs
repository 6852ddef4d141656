//! A network ACL.

use state_model::ec2::NetworkAcl;
use state_model::ec2::network_acl::{NetworkAclAssociation, NetworkAclEntry};
use state_tables::{View, network_paths};
use wire_shapes_network::ec2 as wire;

use crate::ec2::tags;

pub fn network_acl(view: &View, acl: &NetworkAcl) -> wire::NetworkAcl {
    let association = |association: &NetworkAclAssociation| wire::NetworkAclAssociation {
        network_acl_association_id: Some(association.id.clone()),
        network_acl_id: Some(acl.id.clone()),
        subnet_id: Some(association.subnet_id.clone()),
    };
    wire::NetworkAcl {
        associations: Some(acl.associations.iter().map(association).collect()),
        entries: Some(network_paths::acl_entries(view, acl).iter().map(entry).collect()),
        is_default: Some(acl.is_default),
        network_acl_id: Some(acl.id.clone()),
        owner_id: Some(acl.scope.account.clone()),
        tags: Some(tags::render(&acl.tags)),
        vpc_id: Some(acl.vpc_id.clone()),
    }
}

pub fn action(entry: &NetworkAclEntry) -> wire::RuleAction {
    if entry.is_allow { wire::RuleAction::Allow } else { wire::RuleAction::Deny }
}

/// Its block, when it is one of IPv4.
pub fn ipv4(entry: &NetworkAclEntry) -> Option<String> {
    (!entry.cidr_block.contains(':')).then(|| entry.cidr_block.clone())
}

pub fn ipv6(entry: &NetworkAclEntry) -> Option<String> {
    entry.cidr_block.contains(':').then(|| entry.cidr_block.clone())
}

fn entry(entry: &NetworkAclEntry) -> wire::NetworkAclEntry {
    wire::NetworkAclEntry {
        cidr_block: ipv4(entry),
        ipv6_cidr_block: ipv6(entry),
        egress: Some(entry.is_egress),
        protocol: Some(entry.protocol.clone()),
        rule_action: Some(action(entry)),
        rule_number: Some(entry.rule_number),
        port_range: entry
            .ports
            .map(|(from, to)| wire::PortRange { from: Some(from.into()), to: Some(to.into()) }),
        icmp_type_code: entry
            .icmp
            .map(|(kind, code)| wire::IcmpTypeCode { r#type: Some(kind.into()), code: Some(code.into()) }),
    }
}
