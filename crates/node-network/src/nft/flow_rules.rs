//! Counting flows by interface: sets that grow with the packets, each element with its counter.

use std::fmt::Write;

use crate::nft::base_rules::{INTERFACES, PEERINGS, TABLE, UPLINK};

/// What is counted in one pair of sets: by the interface of one end, with one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub is_ingress: bool,
    pub accepted: bool,
}

impl Kind {
    pub const ALL: [Kind; 4] = [
        Kind { is_ingress: false, accepted: true },
        Kind { is_ingress: false, accepted: false },
        Kind { is_ingress: true, accepted: true },
        Kind { is_ingress: true, accepted: false },
    ];

    /// The set of flows with ports, and that of flows without.
    pub fn set(self, has_ports: bool) -> String {
        let side = if self.is_ingress { "received" } else { "sent" };
        let outcome = if self.accepted { "accepted" } else { "rejected" };
        let ports = if has_ports { "ports" } else { "plain" };
        format!("flows_{side}_{outcome}_{ports}")
    }

    /// The two rules that count a packet.
    fn rules(self) -> [String; 2] {
        let link = if self.is_ingress { "oifname" } else { "iifname" };
        let key = format!("{link} . meta l4proto . ip saddr . ip daddr");
        [
            format!(
                "{link} {INTERFACES} meta l4proto {{ 6, 17 }} update @{} {{ {key} . th sport . th dport counter }}",
                self.set(true)
            ),
            format!(
                "{link} {INTERFACES} meta l4proto != {{ 6, 17 }} update @{} {{ {key} counter }}",
                self.set(false)
            ),
        ]
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
pub fn prepare(text: &mut String, counts: bool) {
    // Making them first makes their removal always possible. Writing to a String can't fail.
    for (chain, hook) in CHAINS {
        let _ = writeln!(text, "add chain {TABLE} {chain} {hook}\nflush chain {TABLE} {chain}");
    }
    for (kind, has_ports) in Kind::ALL.into_iter().flat_map(|kind| [(kind, true), (kind, false)]) {
        let ports = if has_ports { " . inet_service . inet_service" } else { "" };
        let _ = writeln!(
            text,
            "add set {TABLE} {} {{ type ifname . inet_proto . ipv4_addr . ipv4_addr{ports}; size {FLOWS_MAX}; \
             flags dynamic; }}",
            kind.set(has_ports)
        );
    }
    if counts {
        let accepted = |is_ingress| Kind { is_ingress, accepted: true }.rules();
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
        return;
    }
    for (chain, _) in CHAINS {
        let _ = writeln!(text, "delete chain {TABLE} {chain}");
    }
    for (kind, has_ports) in Kind::ALL.into_iter().flat_map(|kind| [(kind, true), (kind, false)]) {
        let _ = writeln!(text, "delete set {TABLE} {}", kind.set(has_ports));
    }
}

/// Forgets everything that was counted.
pub fn clear() -> String {
    let sets = Kind::ALL.into_iter().flat_map(|kind| [kind.set(true), kind.set(false)]);
    sets.map(|set| format!("flush set {TABLE} {set}\n")).collect()
}

/// What happens to refused packets: the sender's rules are the sender's alone, and what the receiver refuses the
/// sender was allowed to send.
pub fn refusals(counts: bool) -> Vec<(&'static str, String)> {
    let mut rules = Vec::new();
    if counts {
        let of = |is_ingress, accepted| Kind { is_ingress, accepted }.rules();
        rules.extend(of(false, false).map(|rule| ("refuse_sent", rule)));
        rules.extend(of(false, true).map(|rule| ("refuse_received", rule)));
        rules.extend(of(true, false).map(|rule| ("refuse_received", rule)));
    }
    rules.push(("refuse_sent", String::from("drop")));
    rules.push(("refuse_received", String::from("drop")));
    rules
}
