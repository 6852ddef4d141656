//! One security group's rules as nftables rules.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::alias::loopback_form;
use crate::config::{Family, GroupRule, IpCidr, Peer, Traffic};
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

impl Family {
    pub const BOTH: [Family; 2] = [Family::Ipv4, Family::Ipv6];

    /// How nftables calls the family's header.
    pub fn header(self) -> &'static str {
        match self {
            Family::Ipv4 => "ip",
            Family::Ipv6 => "ip6",
        }
    }

    /// The type of the family's addresses.
    pub fn address_type(self) -> &'static str {
        match self {
            Family::Ipv4 => "ipv4_addr",
            Family::Ipv6 => "ipv6_addr",
        }
    }
}

/// The named set of a group's member addresses of a family.
pub fn members_set(group: &str, family: Family) -> String {
    match family {
        Family::Ipv4 => format!("members_{group}"),
        Family::Ipv6 => format!("members6_{group}"),
    }
}

/// The named set of a prefix list's blocks of a family.
pub fn list_set(list: &str, family: Family) -> String {
    match family {
        Family::Ipv4 => format!("list_{list}"),
        Family::Ipv6 => format!("list6_{list}"),
    }
}

/// The blocks without those inside another, and with the other form of loopback addresses: an interval set
/// takes no overlaps.
pub fn disjoint(cidrs: &[IpCidr]) -> BTreeSet<IpCidr> {
    let loopback = |cidr: &IpCidr| cidr.v4().and_then(loopback_form).map(IpCidr::V4);
    let all: BTreeSet<IpCidr> =
        cidrs.iter().flat_map(|cidr| [Some(*cidr), loopback(cidr)]).flatten().map(IpCidr::whole).collect();
    // In this order a block comes right behind what contains it, or behind others inside the same.
    let mut kept = BTreeSet::new();
    let mut last: Option<IpCidr> = None;
    for cidr in all {
        if last.is_none_or(|last| !last.contains(cidr.network())) {
            kept.insert(cidr);
            last = Some(cidr);
        }
    }
    kept
}

/// Appends the commands that give the group's chain exactly `rules`.
///
/// A sender's rule hands the packet on to the receiver's rules, which accept it. Of `families` only those that the VPC has: for
/// others no packet comes, and there are no sets.
pub fn replace(
    text: &mut String,
    direction: Direction,
    group: &str,
    rules: &[GroupRule],
    families: &[Family],
) {
    let chain = direction.rules_chain(group);
    let verdict = match direction {
        Direction::Ingress => "accept",
        Direction::Egress => "goto receive",
    };
    // Writing to a String can't fail.
    let _ = writeln!(text, "flush chain {TABLE} {chain}");
    for rule in rules {
        for expression in expressions(direction, rule, families) {
            let _ = writeln!(text, "add rule {TABLE} {chain} {expression}{verdict}");
        }
    }
}

/// What must hold of a packet for `rule`, in one of its forms, with a blank at its end.
fn expressions(direction: Direction, rule: &GroupRule, families: &[Family]) -> Vec<String> {
    let set: fn(&str, Family) -> String = match &rule.peer {
        Peer::Cidr(cidr) if families.contains(&cidr.family()) => {
            return traffic_expressions(direction, rule.traffic, *cidr);
        }
        Peer::Cidr(_) => return Vec::new(),
        Peer::Group(_) => members_set,
        Peer::PrefixList(_) => list_set,
    };
    let (Peer::Group(id) | Peer::PrefixList(id)) = &rule.peer else { return Vec::new() };
    let field = direction.peer_field();
    let of_family = |family: &Family| {
        let traffic = traffic_expression(rule.traffic, *family)?;
        Some(format!("{} {field} @{} {traffic}", family.header(), set(id, *family)))
    };
    families.iter().filter_map(of_family).collect()
}

/// As [`expressions`], for an address block: a loopback block means this machine, which speaks with the
/// loopback addresses' aliases.
pub fn traffic_expressions(direction: Direction, traffic: Traffic, cidr: IpCidr) -> Vec<String> {
    let (field, family) = (direction.peer_field(), cidr.family());
    let Some(traffic) = traffic_expression(traffic, family) else { return Vec::new() };
    if cidr.prefix() == 0 {
        // Everything of this family, and nothing of the other.
        let protocol = if family == Family::Ipv4 { "ipv4" } else { "ipv6" };
        return vec![format!("meta nfproto {protocol} {traffic}")];
    }
    [Some(cidr), cidr.v4().and_then(loopback_form).map(IpCidr::V4)]
        .into_iter()
        .flatten()
        .map(|cidr| format!("{} {field} {cidr} {traffic}", family.header()))
        .collect()
}

/// None for traffic that the family doesn't have.
fn traffic_expression(traffic: Traffic, family: Family) -> Option<String> {
    let mut text = String::new();
    let _ = match (traffic, family) {
        (Traffic::Icmp { .. }, Family::Ipv6) | (Traffic::Icmpv6 { .. }, Family::Ipv4) => return None,
        (Traffic::All, _) => Ok(()),
        (Traffic::Tcp { from_port, to_port }, _) => ports(&mut text, "tcp", from_port, to_port),
        (Traffic::Udp { from_port, to_port }, _) => ports(&mut text, "udp", from_port, to_port),
        (Traffic::Icmp { kind, code }, _) => icmp(&mut text, ("icmp", 1), kind, code),
        (Traffic::Icmpv6 { kind, code }, _) => icmp(&mut text, ("icmpv6", 58), kind, code),
        (Traffic::Protocol(number), _) => write!(text, "meta l4proto {number} "),
    };
    Some(text)
}

fn icmp(
    text: &mut String,
    (name, number): (&str, u8),
    kind: Option<u8>,
    code: Option<u8>,
) -> std::fmt::Result {
    match (kind, code) {
        (None, _) => write!(text, "meta l4proto {number} "),
        (Some(kind), None) => write!(text, "{name} type {kind} "),
        (Some(kind), Some(code)) => write!(text, "{name} type {kind} {name} code {code} "),
    }
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
        assert_eq!(expressions(direction, &GroupRule { traffic, peer }, &Family::BOTH).join("| "), expect);
    }

    #[test]
    fn a_vpc_without_ipv6_has_rules_of_ipv4_alone() {
        for (peer, expect) in [
            (Peer::Cidr(IpCidr::EVERYWHERE_V6), ""),
            (Peer::Cidr(IpCidr::EVERYWHERE_V4), "meta nfproto ipv4 "),
            (Peer::Group("sg-1".into()), "ip saddr @members_sg-1 "),
            (Peer::PrefixList("pl-1".into()), "ip saddr @list_pl-1 "),
        ] {
            let rule = GroupRule { traffic: Traffic::All, peer };
            assert_eq!(expressions(Direction::Ingress, &rule, &[Family::Ipv4]).join("| "), expect);
        }
    }

    #[test]
    fn rules_become_expressions() {
        use Direction::{Egress, Ingress};
        check(Egress, Traffic::All, "0.0.0.0/0", "meta nfproto ipv4 ");
        check(Egress, Traffic::All, "::/0", "meta nfproto ipv6 ");
        check(
            Ingress,
            Traffic::Tcp { from_port: 80, to_port: 80 },
            "0.0.0.0/0",
            "meta nfproto ipv4 tcp dport 80 ",
        );
        check(
            Ingress,
            Traffic::Tcp { from_port: 80, to_port: 80 },
            "2001:db8::9/32",
            "ip6 saddr 2001:db8::/32 tcp dport 80 ",
        );
        check(Ingress, Traffic::All, "::1/128", "ip6 saddr ::1/128 ");
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
            "ip daddr @members_sg-1 meta l4proto 6 | ip6 daddr @members6_sg-1 meta l4proto 6 ",
        );
        check(
            Ingress,
            Traffic::Icmp { kind: None, code: None },
            "0.0.0.0/0",
            "meta nfproto ipv4 meta l4proto 1 ",
        );
        let icmp = Traffic::Icmp { kind: None, code: None };
        check(Ingress, icmp, "::/0", "");
        check(Ingress, icmp, "sg-1", "ip saddr @members_sg-1 meta l4proto 1 ");
        let icmpv6 = Traffic::Icmpv6 { kind: Some(128), code: Some(0) };
        check(Ingress, icmpv6, "0.0.0.0/0", "");
        check(Ingress, icmpv6, "::/0", "meta nfproto ipv6 icmpv6 type 128 icmpv6 code 0 ");
        check(Egress, icmpv6, "sg-1", "ip6 daddr @members6_sg-1 icmpv6 type 128 icmpv6 code 0 ");
        check(Ingress, Traffic::All, "127.0.0.1/32", "ip saddr 127.0.0.1/32 | ip saddr 240.0.0.1/32 ");
        check(
            Ingress,
            Traffic::Icmp { kind: Some(8), code: None },
            "0.0.0.0/0",
            "meta nfproto ipv4 icmp type 8 ",
        );
        check(
            Ingress,
            Traffic::Icmp { kind: Some(3), code: Some(4) },
            "0.0.0.0/0",
            "meta nfproto ipv4 icmp type 3 icmp code 4 ",
        );
        check(Ingress, Traffic::Protocol(50), "0.0.0.0/0", "meta nfproto ipv4 meta l4proto 50 ");
    }
}
