//! One security group's rules as nftables rules.

use std::fmt::Write;

use crate::alias::loopback_form;
use crate::config::{Cidr, GroupRule, Peer, Traffic};
use crate::nft::base_rules::TABLE;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    pub const BOTH: [Direction; 2] = [Direction::Ingress, Direction::Egress];

    /// The chain that holds a group's rules.
    pub fn rules_chain(self, group: &str) -> String {
        match self {
            Direction::Ingress => format!("rules_in_{group}"),
            Direction::Egress => format!("rules_out_{group}"),
        }
    }

    /// The chain that jumps through all groups of a set of groups.
    pub fn set_chain(self, set: &str) -> String {
        match self {
            Direction::Ingress => format!("set_in_{set}"),
            Direction::Egress => format!("set_out_{set}"),
        }
    }

    /// The map from an interface to its set's chain.
    pub fn map(self) -> &'static str {
        match self {
            Direction::Ingress => "ingress_of",
            Direction::Egress => "egress_of",
        }
    }

    fn peer_field(self) -> &'static str {
        match self {
            Direction::Ingress => "saddr",
            Direction::Egress => "daddr",
        }
    }
}

/// The named set of a group's member addresses.
pub fn members_set(group: &str) -> String {
    format!("members_{group}")
}

/// The named set of a prefix list's blocks.
pub fn list_set(list: &str) -> String {
    format!("list_{list}")
}

/// Appends the commands that give the group's chain exactly `rules`.
///
/// A sender's rule hands the packet on to the receiver's rules, which accept it.
pub fn replace(text: &mut String, direction: Direction, group: &str, rules: &[GroupRule]) {
    let chain = direction.rules_chain(group);
    let verdict = match direction {
        Direction::Ingress => "accept",
        Direction::Egress => "goto receive",
    };
    // Writing to a String can't fail.
    let _ = writeln!(text, "flush chain {TABLE} {chain}");
    for rule in rules {
        for expression in expressions(direction, rule) {
            let _ = writeln!(text, "add rule {TABLE} {chain} {expression}{verdict}");
        }
    }
}

/// What must hold of a packet for `rule`, in one of its forms, with a blank at its end unless it is empty.
fn expressions(direction: Direction, rule: &GroupRule) -> Vec<String> {
    let field = direction.peer_field();
    match &rule.peer {
        Peer::Cidr(cidr) => traffic_expressions(direction, rule.traffic, *cidr),
        Peer::Group(group) => {
            vec![format!("ip {field} @{} {}", members_set(group), traffic_expression(rule.traffic))]
        }
        Peer::PrefixList(list) => {
            vec![format!("ip {field} @{} {}", list_set(list), traffic_expression(rule.traffic))]
        }
    }
}

/// As [`expressions`], for an address block: a loopback block means this machine, which speaks with the
/// loopback addresses' aliases.
pub fn traffic_expressions(direction: Direction, traffic: Traffic, cidr: Cidr) -> Vec<String> {
    let field = direction.peer_field();
    let traffic = traffic_expression(traffic);
    if cidr.prefix == 0 {
        return vec![traffic];
    }
    [Some(cidr), loopback_form(cidr)]
        .into_iter()
        .flatten()
        .map(|cidr| format!("ip {field} {cidr} {traffic}"))
        .collect()
}

fn traffic_expression(traffic: Traffic) -> String {
    let mut text = String::new();
    let _ = match traffic {
        Traffic::All => Ok(()),
        Traffic::Tcp { from_port, to_port } => ports(&mut text, "tcp", from_port, to_port),
        Traffic::Udp { from_port, to_port } => ports(&mut text, "udp", from_port, to_port),
        Traffic::Icmp { kind: None, .. } => write!(text, "meta l4proto 1 "),
        Traffic::Icmp { kind: Some(kind), code: None } => write!(text, "icmp type {kind} "),
        Traffic::Icmp { kind: Some(kind), code: Some(code) } => {
            write!(text, "icmp type {kind} icmp code {code} ")
        }
        Traffic::Protocol(number) => write!(text, "meta l4proto {number} "),
    };
    text
}

fn ports(text: &mut String, protocol: &str, from_port: u16, to_port: u16) -> std::fmt::Result {
    match (from_port, to_port) {
        (0, u16::MAX) => {
            let number = if protocol == "tcp" { 6 } else { 17 };
            write!(text, "meta l4proto {number} ")
        }
        (from, to) if from == to => write!(text, "{protocol} dport {from} "),
        (from, to) => write!(text, "{protocol} dport {from}-{to} "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(direction: Direction, traffic: Traffic, peer: &str, expect: &str) {
        let peer = match peer.parse() {
            Ok(cidr) => Peer::Cidr(cidr),
            Err(_) => Peer::Group(peer.to_owned()),
        };
        assert_eq!(expressions(direction, &GroupRule { traffic, peer }).join("| "), expect);
    }

    #[test]
    fn rules_become_expressions() {
        use Direction::{Egress, Ingress};
        check(Egress, Traffic::All, "0.0.0.0/0", "");
        check(Ingress, Traffic::Tcp { from_port: 80, to_port: 80 }, "0.0.0.0/0", "tcp dport 80 ");
        check(
            Ingress,
            Traffic::Udp { from_port: 1, to_port: 9 },
            "10.0.0.7/8",
            "ip saddr 10.0.0.0/8 udp dport 1-9 ",
        );
        check(
            Egress,
            Traffic::Tcp { from_port: 0, to_port: 65535 },
            "sg-1",
            "ip daddr @members_sg-1 meta l4proto 6 ",
        );
        check(Ingress, Traffic::Icmp { kind: None, code: None }, "0.0.0.0/0", "meta l4proto 1 ");
        check(Ingress, Traffic::All, "127.0.0.1/32", "ip saddr 127.0.0.1/32 | ip saddr 240.0.0.1/32 ");
        check(Ingress, Traffic::Icmp { kind: Some(8), code: None }, "0.0.0.0/0", "icmp type 8 ");
        check(
            Ingress,
            Traffic::Icmp { kind: Some(3), code: Some(4) },
            "0.0.0.0/0",
            "icmp type 3 icmp code 4 ",
        );
        check(Ingress, Traffic::Protocol(50), "0.0.0.0/0", "meta l4proto 50 ");
    }
}
