//! The fixed part of a VPC's table: who may send at all, what the VPC itself answers, and in which order
//! rules apply.

use std::fmt::{Arguments, Write};

use crate::alias::{ALIASES, alias_of};
use crate::config::VpcConfig;
use crate::instance::HOSTS_IPV6;
use crate::nft::{acl_rules, flow_rules, front_rules, world_rules};
use crate::vpc::setup::Uplink;

/// The VPC's table, alone in its namespace.
pub const TABLE: &str = "inet neargate";

/// The VPC's end of the uplink.
pub const UPLINK: &str = "up0";

/// What the outer ends of interfaces begin with, and the VPC's ends of peerings.
pub const INTERFACES: &str = "\"e*\"";
pub const PEERINGS: &str = "\"p*\"";

const SETS: [(&str, &str); 6] = [
    front_rules::SET,
    ("bound", "ifname . ether_addr . ipv4_addr"),
    ("transit", "ifname"),
    ("services", "ipv4_addr . inet_proto . inet_service"),
    // Private addresses with a public one.
    ("public_sources", "ipv4_addr"),
    ("nat_hops", "ipv4_addr"),
];

/// The same for IPv6, in VPCs that have it.
const SETS_IPV6: [(&str, &str); 1] = [("bound6", "ifname . ether_addr . ipv6_addr")];

const MAPS: [(&str, &str); 6] = [
    front_rules::MAP,
    ("egress_of", "ifname : verdict"),
    ("ingress_of", "ifname : verdict"),
    // Between private addresses and the aliases of public ones.
    ("public_of", "ipv4_addr : ipv4_addr"),
    ("private_of", "ipv4_addr : ipv4_addr"),
    // What a NAT gateway's packets come from, by the next hop that stands for it.
    ("nat_by_hop", "ipv4_addr : ipv4_addr"),
];

const CHAINS: [(&str, &str); 11] = [
    ("source_check", "{ type filter hook prerouting priority -300; policy drop; }"),
    ("own_services", "{ type filter hook input priority 0; policy drop; }"),
    ("forward", "{ type filter hook forward priority 0; policy drop; }"),
    ("destination_nat", "{ type nat hook prerouting priority -100; policy accept; }"),
    ("source_nat", "{ type nat hook postrouting priority 100; policy accept; }"),
    ("acl", ""),
    ("receive", ""),
    ("from_uplink", ""),
    ("to_world", ""),
    ("refuse_sent", ""),
    ("refuse_received", ""),
];

const CHAINS_IPV6: [(&str, &str); 1] = [(world_rules::CHAIN, "")];

/// The commands that make the table, or bring its fixed chains up to date without touching the sets and chains
/// of groups and interfaces.
///
/// An established packet meets two base chains, and two look-ups. The first packet of a connection goes from
/// `forward` through the sender's group rules, each of which leads on to `receive`, where the receiver's rules
/// accept it; both sides' rules count therefore.
///
/// `counted_before` tells whether the table may hold what counting flows needs.
pub fn commands(config: &VpcConfig, uplink: &Uplink, counted_before: bool) -> String {
    let has_ipv6 = config.ipv6_cidr.is_some();
    let mut text = String::with_capacity(4096);
    line(&mut text, format_args!("add table {TABLE}"));
    for (name, kind) in SETS.iter().chain(SETS_IPV6.iter().filter(|_| has_ipv6)) {
        line(&mut text, format_args!("add set {TABLE} {name} {{ type {kind}; }}"));
    }
    for (name, kind) in MAPS {
        line(&mut text, format_args!("add map {TABLE} {name} {{ type {kind}; }}"));
    }
    for (chain, hook) in CHAINS.iter().chain(CHAINS_IPV6.iter().filter(|_| has_ipv6)) {
        line(&mut text, format_args!("add chain {TABLE} {chain} {hook}"));
        line(&mut text, format_args!("flush chain {TABLE} {chain}"));
    }
    flow_rules::prepare(&mut text, config, counted_before);
    acl_rules::write(&mut text, config, uplink);
    for (chain, rule) in rules(config, uplink) {
        line(&mut text, format_args!("add rule {TABLE} {chain} {rule}"));
    }
    nat_elements(&mut text, config);
    text
}

fn rules(config: &VpcConfig, uplink: &Uplink) -> Vec<(&'static str, String)> {
    let host_address = uplink.host_address;
    let mut rules = source_check(config);
    rules.push(front_rules::source_rule());
    rules.extend([
        ("own_services", String::from("iifname \"lo\" accept")),
        ("own_services", String::from("ct state established,related accept")),
        ("own_services", format!("iifname {INTERFACES} ip daddr . meta l4proto . th dport @services accept")),
    ]);
    // Network ACLs know no connections, so they come first; nobody pays for those that refuse nothing.
    if acl_rules::any(config) {
        rules.push(("forward", String::from("jump acl")));
    }
    rules.extend([
        ("forward", String::from("ct state vmap { established : accept, related : accept, invalid : drop }")),
        // Link-local addresses are the VPC's own services or nothing; the host's are out of reach.
        ("forward", String::from("ip daddr 169.254.0.0/16 drop")),
    ]);
    if config.ipv6_cidr.is_some() {
        rules.push(("forward", format!("ip6 daddr {{ fe80::/10, {HOSTS_IPV6} }} drop")));
    }
    let fixed = [
        ("forward", format!("iifname \"{UPLINK}\" goto from_uplink")),
        ("forward", String::from("iifname vmap @egress_of")),
        // The peer's own table has seen to its sender; a peering leads to interfaces and no further.
        ("forward", format!("iifname {PEERINGS} oifname {INTERFACES} goto receive")),
        ("forward", String::from("goto refuse_sent")),
        ("from_uplink", format!("oifname != {INTERFACES} drop")),
        // What came by a public address obeys the groups; the host itself needs no rule.
        ("from_uplink", String::from("ct status dnat goto receive")),
        ("from_uplink", format!("ip saddr {host_address} accept")),
        ("receive", format!("oifname \"{UPLINK}\" goto to_world")),
        ("receive", String::from("oifname vmap @ingress_of")),
        ("receive", format!("iifname {INTERFACES} oifname {PEERINGS} accept")),
        ("receive", String::from("goto refuse_received")),
        ("to_world", String::from("tcp flags syn / syn,rst tcp option maxseg size set rt mtu")),
        ("to_world", String::from("rt ip nexthop @nat_hops accept")),
        // The internet gateway knows the interfaces with a public address only.
        ("to_world", String::from("ip saddr @public_sources accept")),
        ("destination_nat", format!("iifname \"{UPLINK}\" dnat ip to ip daddr map @private_of")),
        ("source_nat", format!("oifname {INTERFACES} accept")),
        ("source_nat", String::from("snat ip to rt ip nexthop map @nat_by_hop")),
        ("source_nat", format!("oifname \"{UPLINK}\" snat ip to ip saddr map @public_of")),
    ];
    rules.extend(fixed);
    if config.ipv6_cidr.is_some() {
        rules.extend(rules_of_ipv6(config, uplink));
    }
    rules.extend(["from_uplink", "to_world"].map(|chain| (chain, String::from("drop"))));
    rules.extend(flow_rules::refusals(config));
    rules
}

/// What comes behind the rules of IPv4 in the same chains.
fn rules_of_ipv6(config: &VpcConfig, uplink: &Uplink) -> Vec<(&'static str, String)> {
    let mut rules = vec![
        ("from_uplink", format!("ip6 saddr {} accept", uplink.host_ipv6)),
        ("from_uplink", format!("meta nfproto ipv6 goto {}", world_rules::CHAIN)),
        // Every interface has its own address towards the world; its subnet's routes have let it come here.
        ("to_world", String::from("meta nfproto ipv6 accept")),
    ];
    rules.extend(world_rules::rules(config).into_iter().map(|rule| (world_rules::CHAIN, rule)));
    rules
}

fn source_check(config: &VpcConfig) -> Vec<(&'static str, String)> {
    let mut rules = vec![
        ("source_check", String::from("iifname . ether saddr . ip saddr @bound accept")),
        ("source_check", String::from("iifname \"lo\" accept")),
    ];
    if let Some(block) = config.ipv6_cidr {
        // Nobody's link-local address is among them: what discovers neighbours or routers ends here.
        let bound = "iifname . ether saddr . ip6 saddr @bound6 accept";
        let no_stranger = format!("{{ ::/128, ::1/128, fe80::/10, {HOSTS_IPV6} }}");
        rules.insert(1, ("source_check", String::from(bound)));
        rules.extend([
            ("source_check", format!("iifname \"{UPLINK}\" ip6 saddr {{ ::/128, fe80::/10, {block} }} drop")),
            ("source_check", format!("iifname \"{UPLINK}\" meta nfproto ipv6 accept")),
            ("source_check", format!("iifname @transit ip6 saddr != {no_stranger} accept")),
        ]);
    }
    for cidr in &config.cidrs {
        // From outside nobody speaks with an address of the VPC, or he would pass as a member of its groups.
        rules.push(("source_check", format!("iifname \"{UPLINK}\" ip saddr {cidr} drop")));
    }
    rules.push(("source_check", format!("iifname \"{UPLINK}\" meta nfproto ipv4 accept")));
    // Aliases stand for this machine and its public addresses, for which nobody inside may speak.
    rules.push(("source_check", format!("iifname @transit ip saddr != {ALIASES} accept")));
    for peering in &config.peerings {
        let link = peering_link(&peering.id);
        for cidr in &peering.peer_cidrs {
            let header = cidr.family().header();
            rules.push(("source_check", format!("iifname \"{link}\" {header} saddr {cidr} accept")));
        }
    }
    rules
}

/// Which next hops stand for NAT gateways, and what they translate to.
fn nat_elements(text: &mut String, config: &VpcConfig) {
    line(text, format_args!("flush map {TABLE} nat_by_hop"));
    line(text, format_args!("flush set {TABLE} nat_hops"));
    for gateway in &config.nat_gateways {
        let private = gateway.private_address;
        line(text, format_args!("add element {TABLE} nat_by_hop {{ {private} : {private} }}"));
        if let Some(public) = gateway.public_address {
            let alias = alias_of(public);
            line(text, format_args!("add element {TABLE} nat_by_hop {{ {alias} : {alias} }}"));
            line(text, format_args!("add element {TABLE} nat_hops {{ {alias} }}"));
        }
    }
}

/// The name of both ends of a peering's veth pair.
pub fn peering_link(peering_id: &str) -> String {
    use sha2::{Digest, Sha256};
    format!("p{}", hex::encode(&Sha256::digest(peering_id.as_bytes())[..6]))
}

fn line(text: &mut String, command: Arguments<'_>) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "{command}");
}
