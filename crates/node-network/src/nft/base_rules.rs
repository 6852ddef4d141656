//! The fixed part of a VPC's table: who may send at all, what the VPC itself answers, and in which order
//! rules apply.

use std::fmt::Write;
use std::net::Ipv4Addr;

use crate::config::Cidr;

/// The VPC's table, alone in its namespace.
pub const TABLE: &str = "inet neargate";

/// The VPC's end of the uplink.
pub const UPLINK: &str = "up0";

/// The commands that make the table, or bring its fixed chains up to date without touching sets and group
/// chains.
///
/// A packet between two interfaces passes three base chains, and each must accept it: `source_check` (before
/// connections are tracked, so that forgeries leave no trace), `egress` (the sender's groups), then `ingress`
/// (the receiver's). An `accept` ends only its own base chain, which is what makes both sides' rules count.
pub fn commands(cidrs: &[Cidr], host_address: Ipv4Addr) -> String {
    let mut text = String::with_capacity(2048);
    let mut line = |command: std::fmt::Arguments<'_>| {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{command}");
    };
    line(format_args!("add table {TABLE}"));
    for (name, kind) in [
        ("bound", "ifname . ipv4_addr"),
        ("transit", "ifname"),
        ("services", "ipv4_addr . inet_proto . inet_service"),
    ] {
        line(format_args!("add set {TABLE} {name} {{ type {kind}; }}"));
    }
    for name in ["egress_of", "ingress_of"] {
        line(format_args!("add map {TABLE} {name} {{ type ifname : verdict; }}"));
    }
    for (chain, hook) in [
        ("source_check", "type filter hook prerouting priority -300; policy drop;"),
        ("own_services", "type filter hook input priority 0; policy drop;"),
        ("egress", "type filter hook forward priority 0; policy drop;"),
        ("ingress", "type filter hook forward priority 10; policy drop;"),
        ("segment_size", "type filter hook forward priority -150; policy accept;"),
        ("outbound", "type nat hook postrouting priority 100; policy accept;"),
    ] {
        line(format_args!("add chain {TABLE} {chain} {{ {hook} }}"));
        line(format_args!("flush chain {TABLE} {chain}"));
    }
    for (chain, rule) in rules(cidrs, host_address) {
        line(format_args!("add rule {TABLE} {chain} {rule}"));
    }
    text
}

fn rules(cidrs: &[Cidr], host_address: Ipv4Addr) -> Vec<(&'static str, String)> {
    let mut rules = vec![("source_check", String::from("iifname \"lo\" accept"))];
    for cidr in cidrs {
        // From outside nobody speaks with an address of the VPC, or he would pass as a member of its groups.
        rules.push(("source_check", format!("iifname \"{UPLINK}\" ip saddr {cidr} drop")));
    }
    let fixed = [
        ("source_check", format!("iifname \"{UPLINK}\" meta nfproto ipv4 accept")),
        ("source_check", String::from("iifname . ip saddr @bound accept")),
        ("source_check", String::from("iifname @transit meta nfproto ipv4 accept")),
        ("own_services", String::from("iifname \"lo\" accept")),
        ("own_services", String::from("ct state established,related accept")),
        (
            "own_services",
            format!("iifname != \"{UPLINK}\" ip daddr . meta l4proto . th dport @services accept"),
        ),
        ("egress", String::from("ct state established,related accept")),
        ("egress", String::from("ct state invalid drop")),
        ("egress", format!("iifname \"{UPLINK}\" oifname \"{UPLINK}\" drop")),
        // Link-local addresses are the VPC's own services or nothing; the host's are out of reach.
        ("egress", String::from("ip daddr 169.254.0.0/16 drop")),
        ("egress", format!("iifname \"{UPLINK}\" accept")),
        ("egress", String::from("iifname vmap @egress_of")),
        ("ingress", String::from("ct state established,related accept")),
        ("ingress", format!("oifname \"{UPLINK}\" accept")),
        ("ingress", format!("iifname \"{UPLINK}\" ip saddr {host_address} accept")),
        ("ingress", String::from("oifname vmap @ingress_of")),
        (
            "segment_size",
            format!("oifname \"{UPLINK}\" tcp flags syn / syn,rst tcp option maxseg size set rt mtu"),
        ),
        ("outbound", format!("oifname \"{UPLINK}\" masquerade")),
    ];
    rules.extend(fixed);
    rules
}
