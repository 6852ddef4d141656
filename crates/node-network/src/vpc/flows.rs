//! Reading the counted flows.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::net::IpAddr;

use serde_json::Value;

use crate::config::FlowCount;
use crate::error::NetworkError;
use crate::nft::Nft;
use crate::nft::base_rules::TABLE;
use crate::nft::flow_rules::{Kind, Protocol};

/// One element of one set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Flow {
    set: String,
    link: String,
    protocol: u8,
    source: IpAddr,
    destination: IpAddr,
    ports: Option<(u16, u16)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    packets: u64,
    bytes: u64,
}

/// What was read last. The kernel's counters run on: resetting them would lose what comes in between.
#[derive(Debug, Default)]
pub struct Flows {
    last: HashMap<Flow, Count>,
    /// Interfaces that were detached since, by their links.
    former: HashMap<String, String>,
}

impl Flows {
    /// Remembers whose link it was: its flows are still to be read.
    pub fn detached(&mut self, link: &str, eni_id: &str) {
        self.former.insert(link.to_owned(), eni_id.to_owned());
    }

    /// What was counted since the last call. `eni_of` finds an attached interface by its link.
    ///
    /// Flows that were silent since then leave their sets.
    pub fn take(
        &mut self,
        nft: &mut Nft,
        has_ipv6: bool,
        eni_of: &HashMap<&str, &str>,
    ) -> Result<Vec<FlowCount>, NetworkError> {
        let mut counts = Vec::new();
        let mut silent = String::new();
        let mut seen = HashSet::new();
        for kind in Kind::all(has_ipv6) {
            for (flow, count) in read(nft, kind)? {
                let former = self.last.insert(flow.clone(), count).unwrap_or_default();
                let packets = count.packets.saturating_sub(former.packets);
                if packets == 0 {
                    remove(&mut silent, &flow);
                    continue;
                }
                let bytes = count.bytes.saturating_sub(former.bytes);
                let attached = eni_of.get(flow.link.as_str()).map(|id| (*id).to_owned());
                if let Some(eni_id) = attached.or_else(|| self.former.get(&flow.link).cloned()) {
                    counts.push(flow.count(eni_id, kind, packets, bytes));
                }
                seen.insert(flow);
            }
        }
        nft.run(&silent)?;
        self.last.retain(|flow, _| seen.contains(flow));
        self.former.clear();
        Ok(counts)
    }
}

impl Flow {
    fn count(&self, eni_id: String, kind: Kind, packets: u64, bytes: u64) -> FlowCount {
        let (source_port, destination_port) = self.ports.unwrap_or((0, 0));
        FlowCount {
            eni_id,
            is_ingress: kind.is_ingress,
            accepted: kind.accepted,
            source: self.source,
            destination: self.destination,
            source_port,
            destination_port,
            protocol: self.protocol,
            packets,
            bytes,
        }
    }
}

fn read(nft: &mut Nft, kind: Kind) -> Result<Vec<(Flow, Count)>, NetworkError> {
    let answer = nft.list(&format!("list set {TABLE} {}", kind.set()))?;
    let listing: Value = serde_json::from_str(&answer)
        .map_err(|error| NetworkError::Firewall { message: format!("unreadable listing: {error}") })?;
    let objects = listing["nftables"].as_array().map(Vec::as_slice).unwrap_or_default();
    let elements = objects.iter().filter_map(|object| object["set"]["elem"].as_array()).flatten();
    Ok(elements.filter_map(|element| parse(kind, &element["elem"])).collect())
}

fn parse(kind: Kind, element: &Value) -> Option<(Flow, Count)> {
    let parts = element["val"]["concat"].as_array()?;
    let number = |index: usize| parts.get(index)?.as_u64();
    let address = |index: usize| parts.get(index)?.as_str()?.parse().ok();
    let port = |index: usize| u16::try_from(number(index)?).ok();
    let (protocol, ports) = match kind.protocol {
        Protocol::Tcp => (6, Some((port(3)?, port(4)?))),
        Protocol::Udp => (17, Some((port(3)?, port(4)?))),
        Protocol::Other => (u8::try_from(number(3)?).ok()?, None),
    };
    let (source, destination) = (address(1)?, address(2)?);
    let link = parts.first()?.as_str()?.to_owned();
    let flow = Flow { set: kind.set(), link, protocol, source, destination, ports };
    let counter = &element["counter"];
    Some((flow, Count { packets: counter["packets"].as_u64()?, bytes: counter["bytes"].as_u64()? }))
}

fn remove(text: &mut String, flow: &Flow) {
    let Flow { set, link, protocol, source, destination, ports } = flow;
    let rest = ports.map_or_else(|| protocol.to_string(), |(from, to)| format!("{from} . {to}"));
    // Writing to a String can't fail.
    let _ =
        writeln!(text, "delete element {TABLE} {set} {{ \"{link}\" . {source} . {destination} . {rest} }}");
}
