//! Network ACLs as nftables rules: stateless, and only for packets that leave or enter a subnet.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::alias::alias_of;
use crate::config::{
    AclConfig, AclEntry, Family, IpCidr, NatGatewayConfig, SubnetConfig, Traffic, VpcConfig,
};
use crate::nft::base_rules::TABLE;
use crate::nft::front_rules;
use crate::nft::group_rules::{Direction, traffic_expressions};
use crate::vpc::setup::Uplink;

/// Whether some subnet's ACL may refuse anything.
pub fn any(config: &VpcConfig) -> bool {
    config.subnets.iter().any(|subnet| acl_of(config, subnet).is_some())
}

/// The chains beside `acl` that `config` needs; others that look alike are a former configuration's.
pub fn chains(config: &VpcConfig) -> BTreeSet<String> {
    let mut names = front_rules::acl_chains(config);
    for (subnet, acl) in filtered(config) {
        names.extend([leave(subnet), enter(subnet), out_of(acl), into(acl)]);
    }
    for (gateway, _, _) in filtered_gateways(config) {
        names.extend([nat_out(gateway), nat_in(gateway)]);
    }
    names
}

/// Whether a chain of this name belongs to some configuration's ACLs.
pub fn owns(chain: &str) -> bool {
    ["leave_", "enter_", "acl_out_", "acl_in_", "nat_out_", "nat_in_"]
        .iter()
        .any(|prefix| chain.starts_with(prefix))
        || front_rules::owns(chain)
}

/// Appends what fills the chain `acl`, which exists and is empty, and those it leads to.
pub fn write(text: &mut String, config: &VpcConfig, uplink: &Uplink) {
    for chain in chains(config) {
        let _ = writeln!(text, "add chain {TABLE} {chain}\nflush chain {TABLE} {chain}");
    }
    if !any(config) {
        return;
    }
    for acl in &config.acls {
        if filtered(config).any(|(_, other)| other.id == acl.id) {
            let known = |entry: &&AclEntry| config.ipv6_cidr.is_some() || entry.cidr.family() == Family::Ipv4;
            entries(text, &out_of(acl), Direction::Egress, acl.egress.iter().filter(known));
            entries(text, &into(acl), Direction::Ingress, acl.ingress.iter().filter(known));
        }
    }
    pass_host(text, config, uplink);
    front_rules::write_acls(text, config);
    let mut rule = |chain: &str, rule: String| {
        let _ = writeln!(text, "add rule {TABLE} {chain} {rule}");
    };
    for (subnet, acl) in filtered(config) {
        for cidr in blocks(subnet) {
            let header = cidr.family().header();
            rule(&leave(subnet), format!("{header} daddr {cidr} return"));
            rule(&enter(subnet), format!("{header} saddr {cidr} return"));
        }
        rule(&leave(subnet), format!("goto {}", out_of(acl)));
        rule(&enter(subnet), format!("goto {}", into(acl)));
    }
    // A packet through a NAT gateway crosses the gateway's own subnet on the way.
    for (gateway, subnet, acl) in filtered_gateways(config) {
        for (chain, field) in [(nat_out(gateway), "saddr"), (nat_in(gateway), "daddr")] {
            rule(&chain, format!("ip {field} {} return", subnet.cidr));
            rule(&chain, format!("jump {}", into(acl)));
            rule(&chain, format!("goto {}", out_of(acl)));
        }
    }
    let crossing = |rule: &mut dyn FnMut(&str, String), field: &str, name: fn(&SubnetConfig) -> String| {
        for family in Family::BOTH {
            let of_family = |subnet: &SubnetConfig| blocks(subnet).find(|block| block.family() == family);
            let of_one =
                |(subnet, _)| of_family(subnet).map(|block| format!("{block} : jump {}", name(subnet)));
            let elements: Vec<String> = filtered(config).filter_map(of_one).collect();
            if !elements.is_empty() {
                let header = family.header();
                rule("acl", format!("{header} {field} vmap {{ {} }}", elements.join(", ")));
            }
        }
    };
    crossing(&mut rule, "saddr", leave);
    let hops = |name: fn(&NatGatewayConfig) -> String| {
        let of_one = |gateway: &NatGatewayConfig| {
            let addresses = [Some(gateway.private_address), gateway.public_address.map(alias_of)];
            let to = |address| format!("{address} : jump {}", name(gateway));
            addresses.into_iter().flatten().map(to).collect::<Vec<_>>()
        };
        let all: Vec<String> =
            filtered_gateways(config).flat_map(|(gateway, _, _)| of_one(gateway)).collect();
        all.join(", ")
    };
    if filtered_gateways(config).next().is_some() {
        rule("acl", format!("rt ip nexthop vmap {{ {} }}", hops(nat_out)));
        rule("acl", format!("ct direction reply ct reply ip daddr vmap {{ {} }}", hops(nat_in)));
    }
    crossing(&mut rule, "daddr", enter);
}

/// The host is not a network that an ACL could name.
fn pass_host(text: &mut String, config: &VpcConfig, uplink: &Uplink) {
    let hosts = [Some(uplink.host_address.into()), config.ipv6_cidr.map(|_| uplink.host_ipv6.into())];
    for host in hosts.into_iter().flatten().map(IpCidr::host) {
        let header = host.family().header();
        for field in ["saddr", "daddr"] {
            let _ = writeln!(text, "add rule {TABLE} acl {header} {field} {host} return");
        }
    }
}

/// A subnet's blocks of both families.
fn blocks(subnet: &SubnetConfig) -> impl Iterator<Item = IpCidr> {
    [Some(subnet.cidr.into()), subnet.ipv6_cidr.map(Into::into)].into_iter().flatten()
}

fn entries<'a>(
    text: &mut String,
    chain: &str,
    direction: Direction,
    entries: impl Iterator<Item = &'a AclEntry>,
) {
    let refusal = match direction {
        Direction::Egress => "goto refuse_sent",
        Direction::Ingress => "goto refuse_received",
    };
    for entry in entries {
        let verdict = if entry.allows { "return" } else { refusal };
        for expression in traffic_expressions(direction, entry.traffic, entry.cidr) {
            let _ = writeln!(text, "add rule {TABLE} {chain} {expression}{verdict}");
        }
    }
    let _ = writeln!(text, "add rule {TABLE} {chain} {refusal}");
}

pub(super) fn filtered(config: &VpcConfig) -> impl Iterator<Item = (&SubnetConfig, &AclConfig)> {
    config.subnets.iter().filter_map(|subnet| Some((subnet, acl_of(config, subnet)?)))
}

fn filtered_gateways(
    config: &VpcConfig,
) -> impl Iterator<Item = (&NatGatewayConfig, &SubnetConfig, &AclConfig)> {
    config.nat_gateways.iter().filter_map(|gateway| {
        let subnet = config.subnets.iter().find(|subnet| subnet.id == gateway.subnet)?;
        Some((gateway, subnet, acl_of(config, subnet)?))
    })
}

/// The subnet's ACL, unless everything passes it.
fn acl_of<'a>(config: &'a VpcConfig, subnet: &SubnetConfig) -> Option<&'a AclConfig> {
    let id = subnet.acl.as_ref()?;
    config.acls.iter().find(|acl| acl.id == *id).filter(|acl| !allows_everything(acl, subnet))
}

/// Whether the first entry that may match a packet of the subnet always lets it through.
fn allows_everything(acl: &AclConfig, subnet: &SubnetConfig) -> bool {
    [&acl.ingress, &acl.egress].iter().all(|entries| {
        blocks(subnet).all(|block| {
            let first = entries.iter().find(|entry| entry.cidr.family() == block.family());
            first.is_some_and(|entry| {
                entry.allows && entry.traffic == Traffic::All && entry.cidr.prefix() == 0
            })
        })
    })
}

fn leave(subnet: &SubnetConfig) -> String {
    format!("leave_{}", subnet.id)
}

fn enter(subnet: &SubnetConfig) -> String {
    format!("enter_{}", subnet.id)
}

pub(super) fn out_of(acl: &AclConfig) -> String {
    format!("acl_out_{}", acl.id)
}

pub(super) fn into(acl: &AclConfig) -> String {
    format!("acl_in_{}", acl.id)
}

fn nat_out(gateway: &NatGatewayConfig) -> String {
    format!("nat_out_{}", gateway.id)
}

fn nat_in(gateway: &NatGatewayConfig) -> String {
    format!("nat_in_{}", gateway.id)
}
