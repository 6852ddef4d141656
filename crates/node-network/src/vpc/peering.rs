//! The links to other VPCs of this node: a veth pair from namespace to namespace, named alike at both ends.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::os::fd::BorrowedFd;

use sha2::{Digest, Sha256};

use crate::config::{MacAddress, VpcConfig};
use crate::error::NetworkError;
use crate::limits;
use crate::netlink::link::{self, Link, Veth};
use crate::netlink::{Batch, Socket, neighbour};
use crate::nft::base_rules::peering_link;
use crate::vpc::{LINK_GROUP, ipv6};

/// The VPC's end of a peering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerLink {
    pub index: u32,
}

impl PeerLink {
    /// The next hop that stands for the other VPC; nobody has this address.
    pub const HOP: Ipv4Addr = Ipv4Addr::new(169, 254, 0, 1);
}

/// Makes the pair, unless it is there and leads to `peer`.
pub fn ensure_pair(links: &mut Socket, peering_id: &str, peer: BorrowedFd<'_>) -> Result<(), NetworkError> {
    let name = peering_link(peering_id);
    let present = link::list(links)?.into_iter().find(|link| link.name == name);
    let number = link::namespace_id(links, peer)?;
    if let Some(present) = present {
        if number.is_some() && number == present.peer_namespace_id {
            return Ok(());
        }
        let mut batch = Batch::default();
        link::delete(&mut batch, present.index);
        links.execute(batch)?;
    }
    let mut batch = Batch::default();
    let veth = Veth {
        name: &name,
        group: LINK_GROUP,
        mtu_bytes: limits::MTU_BYTES,
        peer_name: &name,
        peer_namespace: peer,
    };
    link::add_veth(&mut batch, &veth);
    links.execute(batch)
}

/// Brings this VPC's ends of its peerings up, removes those of peerings that are gone, and returns what is there.
pub fn wire(links: &mut Socket, config: &VpcConfig) -> Result<BTreeMap<String, PeerLink>, NetworkError> {
    let present: Vec<Link> = link::list(links)?.into_iter().filter(|link| is_peering(&link.name)).collect();
    let wanted: BTreeSet<String> = config.peerings.iter().map(|peering| peering_link(&peering.id)).collect();
    let mut batch = Batch::default();
    for stale in present.iter().filter(|link| !wanted.contains(&link.name)) {
        link::delete(&mut batch, stale.index);
    }
    let mut wired = BTreeMap::new();
    for peering in &config.peerings {
        let name = peering_link(&peering.id);
        let Some(found) = present.iter().find(|link| link.name == name) else { continue };
        let own = mac_of(&peering.id, &config.id);
        if found.mac != Some(own) {
            link::set_mac(&mut batch, found.index, own);
        }
        link::set_group(&mut batch, found.index, LINK_GROUP);
        link::set_alias(&mut batch, found.index, &peering.id);
        link::set_up(&mut batch, found.index);
        let peer = mac_of(&peering.id, &peering.peer_vpc_id);
        let gateways = config.nat_gateways.iter().map(|gateway| gateway.private_address);
        for hop in gateways.chain([PeerLink::HOP]) {
            neighbour::add(&mut batch, found.index, hop, peer);
        }
        wired.insert(peering.id.clone(), PeerLink { index: found.index });
    }
    if !batch.is_empty() {
        links.execute(batch)?;
    }
    if config.ipv6_cidr.is_some() {
        wire_v6(links, config, &wired)?;
    }
    Ok(wired)
}

/// Lets the links of peers with IPv6 blocks carry IPv6.
fn wire_v6(
    links: &mut Socket,
    config: &VpcConfig,
    wired: &BTreeMap<String, PeerLink>,
) -> Result<(), NetworkError> {
    for peering in
        config.peerings.iter().filter(|one| one.peer_cidrs.iter().any(|block| block.v6().is_some()))
    {
        let Some(link) = wired.get(&peering.id) else { continue };
        ipv6::enable_outer(links, link.index, &peering_link(&peering.id))?;
        let mut batch = Batch::default();
        neighbour::add(&mut batch, link.index, ipv6::HOP, mac_of(&peering.id, &peering.peer_vpc_id));
        links.execute(batch)?;
    }
    Ok(())
}

/// Waits until the link of a peering whose ends are both up really sends.
pub fn await_link(links: &mut Socket, peering_id: &str) -> Result<(), NetworkError> {
    let index = link::by_name(links, &peering_link(peering_id))?.index;
    link::wait_until_operational(links, index).map(drop)
}

fn is_peering(name: &str) -> bool {
    name.len() == 13 && name.starts_with('p')
}

/// Each end knows the other's without asking.
fn mac_of(peering_id: &str, vpc_id: &str) -> MacAddress {
    let digest = Sha256::digest(format!("{peering_id} {vpc_id}").as_bytes());
    // Locally administered, for one receiver.
    MacAddress([0x0a, digest[0], digest[1], digest[2], digest[3], digest[4]])
}
