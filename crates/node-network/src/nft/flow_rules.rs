//! Counting flows by interface: sets that grow with the packets, each element with its counter.

use std::fmt::Write;

use crate::config::{Family, VpcConfig};
use crate::nft::Nft;
use crate::nft::base_rules::{INTERFACES, PEERINGS, TABLE, UPLINK};

/// What is counted in one set: by the interface of one end, with one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub is_ingress: bool,
    pub accepted: bool,
    pub protocol: Protocol,
    pub family: Family,
}

/// nftables puts five parts into a key at most: the protocol can't stand beside ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Tcp,
    Udp,
    Other,
}

impl Kind {
    /// All that a VPC has, with IPv6 or without.
    pub fn all(has_ipv6: bool) -> impl Iterator<Item = Kind> {
        let families = Family::BOTH.into_iter().filter(move |family| has_ipv6 || *family == Family::Ipv4);
        families.flat_map(Self::of_family)
    }

    fn of_family(family: Family) -> impl Iterator<Item = Kind> {
        let outcomes = [(false, true), (false, false), (true, true), (true, false)];
        outcomes.into_iter().flat_map(move |(is_ingress, accepted)| Self::of(is_ingress, accepted, family))
    }

    /// The sets of one end, one outcome and one family.
    fn of(is_ingress: bool, accepted: bool, family: Family) -> [Kind; 3] {
        [Protocol::Tcp, Protocol::Udp, Protocol::Other].map(|protocol| Kind {
            is_ingress,
            accepted,
            protocol,
            family,
        })
    }

    pub fn set(self) -> String {
        let side = if self.is_ingress { "received" } else { "sent" };
        let outcome = if self.accepted { "accepted" } else { "rejected" };
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Other => "other",
        };
        let prefix = if self.family == Family::Ipv4 { "flows" } else { "flows6" };
        format!("{prefix}_{side}_{outcome}_{protocol}")
    }

    fn key_type(self) -> String {
        let address = self.family.address_type();
        let rest = match self.protocol {
            Protocol::Other => "inet_proto",
            Protocol::Tcp | Protocol::Udp => "inet_service . inet_service",
        };
        format!("ifname . {address} . {address} . {rest}")
    }

    /// The rule that counts a packet.
    fn rule(self) -> String {
        let link = if self.is_ingress { "oifname" } else { "iifname" };
        let (protocol, rest) = match self.protocol {
            Protocol::Tcp => ("6", "th sport . th dport"),
            Protocol::Udp => ("17", "th sport . th dport"),
            Protocol::Other => ("!= { 6, 17 }", "meta l4proto"),
        };
        let header = self.family.header();
        format!(
            "{link} {INTERFACES} meta l4proto {protocol} \
             update @{} {{ {link} . {header} saddr . {header} daddr . {rest} counter }}",
            self.set()
        )
    }
}

/// Flows kept in one set; what comes beyond goes uncounted.
const FLOWS_MAX: u32 = 65_536;
const CHAINS: [(&str, &str); 3] = [
    // Behind the decision and before addresses are translated.
    ("count_accepted", "{ type filter hook postrouting priority 50; policy accept; }"),
    ("count_both", ""),
    ("count_received", ""),
];

/// Makes what counting needs, or removes all of it: without flow logs no packet meets a rule of this.
///
/// The chains `refuse_sent` and `refuse_received` are empty by now.
pub fn prepare(text: &mut String, config: &VpcConfig, counted_before: bool) {
    let (counts, has_ipv6) = (config.counts_flows, config.ipv6_cidr.is_some());
    if !counts && !counted_before {
        return;
    }
    // Making them first makes their removal always possible. Writing to a String can't fail.
    for (chain, hook) in CHAINS {
        let _ = writeln!(text, "add chain {TABLE} {chain} {hook}\nflush chain {TABLE} {chain}");
    }
    for kind in Kind::all(has_ipv6 || counted_before) {
        let (set, key_type) = (kind.set(), kind.key_type());
        let _ =
            writeln!(text, "add set {TABLE} {set} {{ type {key_type}; size {FLOWS_MAX}; flags dynamic; }}");
    }
    if counts {
        let accepted = |is_ingress| of_families(has_ipv6, is_ingress, true);
        let mut rules = vec![
            ("count_accepted", format!("iifname {INTERFACES} goto count_both")),
            ("count_accepted", format!("iifname {PEERINGS} goto count_received")),
            ("count_accepted", format!("iifname \"{UPLINK}\" goto count_received")),
        ];
        rules.extend(accepted(false).map(|rule| ("count_both", rule)));
        rules.push(("count_both", String::from("goto count_received")));
        rules.extend(accepted(true).map(|rule| ("count_received", rule)));
        for (chain, rule) in rules {
            let _ = writeln!(text, "add rule {TABLE} {chain} {rule}");
        }
    } else {
        for (chain, _) in CHAINS {
            let _ = writeln!(text, "delete chain {TABLE} {chain}");
        }
    }
    let is_unused = |kind: &Kind| !counts || (kind.family == Family::Ipv6 && !has_ipv6);
    for kind in Kind::all(has_ipv6 || counted_before).filter(is_unused) {
        let _ = writeln!(text, "delete set {TABLE} {}", kind.set());
    }
}

/// The rules that count packets of one end and one outcome.
fn of_families(has_ipv6: bool, is_ingress: bool, accepted: bool) -> impl Iterator<Item = String> {
    let wanted = move |kind: &Kind| kind.is_ingress == is_ingress && kind.accepted == accepted;
    Kind::all(has_ipv6).filter(wanted).map(Kind::rule)
}

/// Whether a former server counted flows in the namespace of `nft`.
pub fn are_present(nft: &mut Nft) -> bool {
    let (chain, _) = CHAINS[0];
    nft.list(&format!("list chain {TABLE} {chain}")).is_ok()
}

/// Forgets everything that was counted.
pub fn clear(has_ipv6: bool) -> String {
    Kind::all(has_ipv6).map(|kind| format!("flush set {TABLE} {}\n", kind.set())).collect()
}

/// What happens to refused packets: the sender's rules are the sender's alone, and what the receiver refuses the
/// sender was allowed to send.
pub fn refusals(config: &VpcConfig) -> Vec<(&'static str, String)> {
    let mut rules = Vec::new();
    if config.counts_flows {
        let of = |is_ingress, accepted| of_families(config.ipv6_cidr.is_some(), is_ingress, accepted);
        rules.extend(of(false, false).map(|rule| ("refuse_sent", rule)));
        rules.extend(of(false, true).map(|rule| ("refuse_received", rule)));
        rules.extend(of(true, false).map(|rule| ("refuse_received", rule)));
    }
    rules.push(("refuse_sent", String::from("drop")));
    rules.push(("refuse_received", String::from("drop")));
    rules
}
