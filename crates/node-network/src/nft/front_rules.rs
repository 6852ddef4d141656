//! Interfaces that speak for their clients: those of load balancers whose targets see the client's address.
//!
//! Such an interface may send TCP and UDP from any address. A connection that it begins with an address that isn't its own is
//! marked with the interface's address, and the answers carry that mark into routing, which leads them back to the interface,
//! though they are addressed to the client. Network ACLs go by the mark as well: these packets cross the boundaries of the
//! load balancer's subnet, not of the client's.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::Ipv4Addr;

use crate::config::{Cidr, SubnetConfig, VpcConfig};
use crate::nft::acl_rules::{self, filtered, into, out_of};
use crate::nft::base_rules::TABLE;
use crate::nft::model::Interface;

/// The interfaces by link and MAC address, as the check of sources sees them.
pub const SET: (&str, &str) = ("fronts", "ifname . ether_addr");

/// What the connections that such an interface begins are marked with.
pub const MAP: (&str, &str) = ("front_marks", "ifname : mark");

/// Behind connection tracking, before the routing decision.
const CHAIN: (&str, &str) = ("front", "{ type filter hook prerouting priority -150; policy accept; }");

/// Where the network ACL of a packet with a mark is found.
const ANY_ACL: &str = "front_any";

/// The mark of an interface's connections: its address, which no other interface of the VPC has. Zero is no mark.
pub fn mark_of(address: Ipv4Addr) -> u32 {
    u32::from(address)
}

/// What the check of sources lets pass for such interfaces.
pub fn source_rule() -> (&'static str, String) {
    ("source_check", String::from("iifname . ether saddr @fronts meta l4proto { 6, 17 } accept"))
}

const RULES: [&str; 2] = [
    "ct direction reply ct mark != 0 meta mark set ct mark",
    // Health checks come from the interface's own address: their answers need no mark.
    "ct state new iifname . ether saddr . ip saddr != @bound ct mark set iifname map @front_marks",
];

/// Appends what lets an interface speak for its clients, or with `delete` takes that from it. The chain comes with the first
/// such interface, so that other VPCs' packets don't pay for it.
pub fn elements(text: &mut String, verb: &str, interface: &Interface) {
    if !interface.fronts {
        return;
    }
    let Interface { name, mac, address, .. } = interface;
    // Writing to a String can't fail.
    if verb == "add" {
        let (chain, hook) = CHAIN;
        let _ = writeln!(text, "add chain {TABLE} {chain} {hook}\nflush chain {TABLE} {chain}");
        for rule in RULES {
            let _ = writeln!(text, "add rule {TABLE} {chain} {rule}");
        }
    }
    let _ = writeln!(text, "{verb} element {TABLE} fronts {{ \"{name}\" . {mac} }}");
    let _ = writeln!(text, "{verb} element {TABLE} front_marks {{ \"{name}\" : {} }}", mark_of(*address));
}

/// The chains that ask network ACLs for packets with a mark; nobody needs them while no ACL refuses anything.
pub fn acl_chains(config: &VpcConfig) -> BTreeSet<String> {
    if !acl_rules::any(config) {
        return BTreeSet::new();
    }
    config.subnets.iter().map(of_subnet).chain([ANY_ACL.to_owned()]).collect()
}

/// Whether a chain of this name is one of [`acl_chains`].
pub fn owns(chain: &str) -> bool {
    chain.starts_with("front_")
}

/// Appends what fills [`acl_chains`], which exist and are empty, and what leads from `acl` to them.
pub fn write_acls(text: &mut String, config: &VpcConfig) {
    let mut rule = |chain: &str, rule: String| {
        let _ = writeln!(text, "add rule {TABLE} {chain} {rule}");
    };
    rule("acl", format!("ct mark != 0 goto {ANY_ACL}"));
    for subnet in &config.subnets {
        let (mask, network) = (subnet.cidr.mask(), mark_of(subnet.cidr.network()));
        rule(ANY_ACL, format!("ct mark and {mask} == {network} goto {}", of_subnet(subnet)));
        for expression in of_load_balancer_in(config, subnet) {
            rule(&of_subnet(subnet), expression);
        }
    }
}

/// The rules for packets between targets and a load balancer in this subnet. Between the two within the subnet nothing asks.
fn of_load_balancer_in(config: &VpcConfig, subnet: &SubnetConfig) -> Vec<String> {
    let cidr = subnet.cidr;
    let own = filtered(config).find(|(other, _)| other.id == subnet.id).map(|(_, acl)| acl);
    let others = |name: &dyn Fn(Cidr, &crate::config::AclConfig) -> String| {
        let others = filtered(config).filter(|(other, _)| other.id != subnet.id);
        others.map(|(other, acl)| name(other.cidr, acl)).collect::<Vec<_>>().join(", ")
    };
    let mut rules = vec![format!("ct direction original ip daddr {cidr} return")];
    rules.extend(own.map(|acl| format!("ct direction original jump {}", out_of(acl))));
    let enter = others(&|cidr, acl| format!("{cidr} : goto {}", into(acl)));
    if !enter.is_empty() {
        rules.push(format!("ct direction original ip daddr vmap {{ {enter} }}"));
    }
    rules.extend([String::from("ct direction original return"), format!("ip saddr {cidr} return")]);
    let leave = others(&|cidr, acl| format!("{cidr} : jump {}", out_of(acl)));
    if !leave.is_empty() {
        rules.push(format!("ip saddr vmap {{ {leave} }}"));
    }
    rules.extend(own.map(|acl| format!("goto {}", into(acl))));
    rules
}

fn of_subnet(subnet: &SubnetConfig) -> String {
    format!("front_{}", subnet.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AclConfig, AclEntry, Traffic};

    fn config(acls: &[Option<&str>]) -> VpcConfig {
        let subnet = |(index, acl): (usize, &Option<&str>)| SubnetConfig {
            id: format!("subnet-{index}"),
            cidr: format!("10.0.{index}.0/24").parse().unwrap(),
            ipv6_cidr: None,
            route_table: None,
            acl: acl.map(str::to_owned),
        };
        let subnets = acls.iter().enumerate().map(subnet).collect();
        let entry = AclEntry { traffic: Traffic::All, cidr: "10.9.0.0/16".parse().unwrap(), allows: true };
        let acl = |id: &&str| AclConfig {
            id: (*id).to_owned(),
            ingress: vec![entry.clone()],
            egress: vec![entry.clone()],
        };
        let all: Vec<&str> = acls.iter().flatten().copied().collect();
        VpcConfig {
            acls: all.iter().map(acl).collect(),
            ..VpcConfig::isolated("vpc-1".to_owned(), vec!["10.0.0.0/16".parse().unwrap()], subnets)
        }
    }

    #[test]
    fn acls_of_both_subnets_are_asked_and_none_within_one() {
        for (acls, subnet, expected) in [
            (
                [Some("acl-a"), Some("acl-b")],
                0,
                vec![
                    "ct direction original ip daddr 10.0.0.0/24 return",
                    "ct direction original jump acl_out_acl-a",
                    "ct direction original ip daddr vmap { 10.0.1.0/24 : goto acl_in_acl-b }",
                    "ct direction original return",
                    "ip saddr 10.0.0.0/24 return",
                    "ip saddr vmap { 10.0.1.0/24 : jump acl_out_acl-b }",
                    "goto acl_in_acl-a",
                ],
            ),
            (
                [Some("acl-a"), None],
                1,
                vec![
                    "ct direction original ip daddr 10.0.1.0/24 return",
                    "ct direction original ip daddr vmap { 10.0.0.0/24 : goto acl_in_acl-a }",
                    "ct direction original return",
                    "ip saddr 10.0.1.0/24 return",
                    "ip saddr vmap { 10.0.0.0/24 : jump acl_out_acl-a }",
                ],
            ),
        ] {
            let config = config(&acls);
            assert_eq!(of_load_balancer_in(&config, &config.subnets[subnet]), expected, "{acls:?}");
        }
        assert!(acl_chains(&config(&[None, None])).is_empty());
        assert!(acl_chains(&config(&[None, Some("acl-a")])).iter().all(|chain| owns(chain)));
    }
}
