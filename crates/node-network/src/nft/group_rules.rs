//! One security group's rules as nftables rules.

use std::fmt::Write;

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

/// Appends the commands that give the group's chain exactly `rules`.
pub fn replace(text: &mut String, direction: Direction, group: &str, rules: &[GroupRule]) {
    let chain = direction.rules_chain(group);
    // Writing to a String can't fail.
    let _ = writeln!(text, "flush chain {TABLE} {chain}");
    for rule in rules {
        let expression = expression(direction, rule);
        let _ = writeln!(text, "add rule {TABLE} {chain} {expression}accept");
    }
}

/// What must hold of a packet for `rule`, with a blank at its end unless it is empty.
fn expression(direction: Direction, rule: &GroupRule) -> String {
    let mut text = String::new();
    let field = direction.peer_field();
    let _ = match &rule.peer {
        Peer::Cidr(Cidr { prefix: 0, .. }) => Ok(()),
        Peer::Cidr(cidr) => write!(text, "ip {field} {cidr} "),
        Peer::Group(group) => write!(text, "ip {field} @{} ", members_set(group)),
        Peer::PrefixList(list) => write!(text, "ip {field} @list_{list} "),
    };
    let _ = match rule.traffic {
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
        assert_eq!(expression(direction, &GroupRule { traffic, peer }), expect);
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
