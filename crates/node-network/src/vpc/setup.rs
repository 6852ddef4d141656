//! Making a VPC's namespace and its uplink, or finding them as a former server left them.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use crate::alias::alias_of;
use crate::config::{Cidr, MacAddress, VpcConfig};
use crate::error::NetworkError;
use crate::instance::Instance;
use crate::limits;
use crate::namespace;
use crate::netlink::link::{self, Link, Veth};
use crate::netlink::route::{self, Route};
use crate::netlink::{Batch, Socket, address, neighbour};
use crate::nft::model::Model;
use crate::nft::{Nft, acl_rules, base_rules, flow_rules, listing};
use crate::sysctl;
use crate::vpc::ipv6::{self, Ends, Visit};
use crate::vpc::public::{Holders, PublicAddresses};
use crate::vpc::routing::{self, Inputs};
use crate::vpc::thread::configure;
use crate::vpc::{LINK_GROUP, peering};

/// The veth pair between the host and a VPC.
#[derive(Clone, Debug)]
pub struct Uplink {
    pub host_name: String,
    pub host_index: u32,
    /// Of the host's end.
    pub host_mac: MacAddress,
    pub vpc_index: u32,
    pub host_address: Ipv4Addr,
    pub vpc_address: Ipv4Addr,
    pub vpc_mac: MacAddress,
    /// What the host speaks with to the VPC, where the VPC has IPv6.
    pub host_ipv6: Ipv6Addr,
}

/// Everything a VPC's thread owns.
#[derive(Debug)]
pub struct Parts {
    pub namespace: Arc<OwnedFd>,
    pub host_namespace: OwnedFd,
    pub uplink: Uplink,
    /// Works on the host's namespace.
    pub host: Socket,
    pub links: Socket,
    pub conntrack: Socket,
    pub nft: Nft,
    pub model: Model,
    pub publics: PublicAddresses,
    /// Of the host's routes to the VPC's addresses.
    pub priority: u32,
}

impl Parts {
    /// Brings links to peers and routes to what `config` says and is there.
    pub fn wire(&mut self, config: &VpcConfig) -> Result<(), NetworkError> {
        let Parts { links, model, uplink, .. } = self;
        let mut batch = Batch::default();
        for public in configure::nat_publics(config) {
            neighbour::add(&mut batch, uplink.vpc_index, alias_of(public), uplink.host_mac);
        }
        if !batch.is_empty() {
            links.execute(batch)?;
        }
        let peers = peering::wire(links, config)?;
        routing::sync(links, Inputs { config, model, uplink, peers: &peers })
    }
}

/// Sets up the VPC. The calling thread must be in the host's namespace, and is in the VPC's afterwards.
pub fn set_up(instance: &Instance, config: &VpcConfig, holders: Holders) -> Result<Parts, NetworkError> {
    configure::check(config)?;
    let mut host = Socket::route()?;
    let host_nft = Nft::new()?;
    let namespace = namespace::open_or_create_persisted(&instance.namespace_path(&config.id))?;
    let (slot, host_link) = ensure_uplink_link(&mut host, instance, &config.id, &namespace)?;
    if config.ipv6_cidr.is_none() {
        // The host's end speaks IPv4 only; without this it would announce itself over IPv6.
        sysctl::set_if_present(&format!("ipv6/conf/{}/disable_ipv6", host_link.name), "1")?;
    }
    let host_namespace = namespace::current()?;
    // The host's own loopback addresses travel to public addresses as aliases; answers come back to them.
    sysctl::set(&format!("ipv4/conf/{}/route_localnet", host_link.name), "1")?;
    let host_address = ensure_host_address(&mut host, instance, slot, host_link.index)?;
    let vpc_address = Ipv4Addr::from(u32::from(host_address) + 1);

    namespace::enter(namespace.as_fd())?;
    let mut links = Socket::route()?;
    set_kernel_parameters()?;
    let vpc_link = link::by_name(&mut links, base_rules::UPLINK)?;
    let host_mac = host_link.mac.unwrap_or(MacAddress([0; 6]));
    let uplink = Uplink {
        host_name: host_link.name,
        host_index: host_link.index,
        host_mac,
        vpc_index: vpc_link.index,
        host_address,
        vpc_address,
        vpc_mac: vpc_link.mac.unwrap_or(MacAddress([0; 6])),
        host_ipv6: instance.host_ipv6(slot),
    };
    let mut nft = Nft::new()?;
    let counted_before = flow_rules::are_present(&mut nft);
    nft.run(&base_rules::commands(config, &uplink, counted_before))?;
    if config.counts_flows {
        nft.run(&flow_rules::clear(config.ipv6_cidr.is_some()))?;
    }
    connect(&mut links, &mut host, &uplink)?;
    configure_addresses(&mut links, config)?;
    let priority = instance.route_priority(slot);
    let visit = Visit { own: namespace.as_fd(), other: host_namespace.as_fd() };
    let mut ends = Ends { links: &mut links, host: &mut host, uplink: &uplink, visit, priority };
    ipv6::configure(&mut ends, config)?;
    let mut publics = PublicAddresses::new(instance, &config.id, uplink.clone(), host_nft, holders);
    let found = publics.recover(&mut host)?;
    let mut model = recover(&mut links, &mut nft, &found, &acl_rules::chains(config))?;
    model.has_ipv6 = config.ipv6_cidr.is_some();
    let mut parts = Parts {
        namespace: Arc::new(namespace),
        host_namespace,
        uplink,
        host,
        links,
        conntrack: Socket::netfilter()?,
        nft,
        model,
        publics,
        priority,
    };
    parts.adopt(config, &found)?;
    Ok(parts)
}

impl Parts {
    /// Brings the VPC's own links to the IPv6 block of `config`.
    pub fn configure_ipv6(&mut self, config: &VpcConfig) -> Result<(), NetworkError> {
        let visit = Visit { own: self.namespace.as_fd(), other: self.host_namespace.as_fd() };
        let Self { links, host, uplink, priority, .. } = self;
        ipv6::configure(&mut Ends { links, host, uplink, visit, priority: *priority }, config)?;
        self.model.has_ipv6 = config.ipv6_cidr.is_some();
        Ok(())
    }

    /// Takes the public addresses of the NAT gateways, and gives up those that nothing here holds any more.
    fn adopt(&mut self, config: &VpcConfig, found: &HashMap<Ipv4Addr, Ipv4Addr>) -> Result<(), NetworkError> {
        let gateways = configure::nat_publics(config);
        let held = |public: &Ipv4Addr| {
            gateways.contains(public) || self.model.holders.contains_key(&IpAddr::V4(*public))
        };
        let stale: BTreeSet<Ipv4Addr> = found.values().filter(|public| !held(public)).copied().collect();
        self.publics.acquire(&mut self.host, &gateways)?;
        self.publics.release(&mut self.host, &stale)?;
        self.wire(config)
    }
}

/// Gives the VPC the gateways of its subnets and closes the way out for its unused addresses.
pub fn configure_addresses(links: &mut Socket, config: &VpcConfig) -> Result<(), NetworkError> {
    let loopback = 1;
    let wanted: BTreeSet<Cidr> =
        config.subnets.iter().map(|subnet| Cidr { address: subnet.cidr.nth(1), prefix: 32 }).collect();
    let present = address::list(links)?;
    let mut batch = Batch::default();
    link::set_up(&mut batch, loopback);
    for gateway in &wanted {
        address::add(&mut batch, loopback, *gateway);
    }
    // Gateways of subnets that are gone; the addresses of listeners are outside every subnet's first place.
    let is_gateway =
        |cidr: Cidr| config.cidrs.iter().any(|vpc| vpc.contains(cidr.address) && vpc.nth(2) != cidr.address);
    for assigned in present.iter().filter(|assigned| assigned.index == loopback) {
        if is_gateway(assigned.cidr) && !wanted.contains(&assigned.cidr) {
            address::delete(&mut batch, loopback, assigned.cidr);
        }
    }
    for cidr in &config.cidrs {
        // Without this, packets to addresses nobody has would leave by the uplink, and ARP would be answered.
        route::add(&mut batch, &Route::new(*cidr));
    }
    links.execute(batch)
}

/// The uplink's host end: found by its alias, or made in the lowest free slot.
fn ensure_uplink_link(
    host: &mut Socket,
    instance: &Instance,
    vpc_id: &str,
    namespace: &OwnedFd,
) -> Result<(u16, Link), NetworkError> {
    let links = link::list(host)?;
    let ours: HashMap<u16, &Link> =
        links.iter().filter_map(|link| Some((instance.uplink_slot(&link.name)?, link))).collect();
    let peer = link::namespace_id(host, namespace.as_fd())?;
    let leads_here = |link: &Link| peer.is_some() && peer == link.peer_namespace_id;
    let named = ours.iter().find(|(_, link)| link.alias.as_deref() == Some(vpc_id));
    if let Some((slot, found)) = named {
        if leads_here(found) {
            return Ok((*slot, (*found).clone()));
        }
        // Its other end is in a namespace that is no longer this VPC's.
        let mut batch = Batch::default();
        link::delete(&mut batch, found.index);
        host.execute(batch)?;
    }
    // A former server was killed between making the pair and naming it.
    if let Some((slot, found)) = ours.iter().find(|(_, link)| link.alias.is_none() && leads_here(link)) {
        let mut batch = Batch::default();
        link::set_alias(&mut batch, found.index, vpc_id);
        host.execute(batch)?;
        return Ok((*slot, (*found).clone()));
    }
    let slot = (0..u16::MAX).find(|slot| !ours.contains_key(slot)).ok_or(NetworkError::NoTransferNetwork)?;
    let name = instance.uplink_name(slot);
    let mut batch = Batch::default();
    let veth = Veth {
        name: &name,
        group: LINK_GROUP,
        mtu_bytes: limits::MTU_BYTES,
        peer_name: base_rules::UPLINK,
        peer_namespace: namespace.as_fd(),
    };
    link::add_veth(&mut batch, &veth);
    host.execute(batch)?;
    let made = link::by_name(host, &name)?;
    let mut batch = Batch::default();
    link::set_alias(&mut batch, made.index, vpc_id);
    host.execute(batch)?;
    Ok((slot, made))
}

/// The host's address on the uplink: the even one of a pair that nobody else on this host uses.
fn ensure_host_address(
    host: &mut Socket,
    instance: &Instance,
    slot: u16,
    index: u32,
) -> Result<Ipv4Addr, NetworkError> {
    let assigned = address::list(host)?;
    if let Some(present) = assigned.iter().find(|assigned| assigned.index == index) {
        return Ok(present.cidr.address);
    }
    let used: BTreeSet<Ipv4Addr> =
        assigned.iter().map(|assigned| Cidr { prefix: 31, ..assigned.cidr }.network()).collect();
    let seed = u32::from_str_radix(instance.hash(), 16).unwrap_or(0).wrapping_add(u32::from(slot));
    let free = transfer_pairs(seed).find(|address| !used.contains(address));
    let address = free.ok_or(NetworkError::NoTransferNetwork)?;
    let mut batch = Batch::default();
    address::add(&mut batch, index, Cidr { address, prefix: 31 });
    host.execute(batch)?;
    Ok(address)
}

/// The first addresses of all usable link-local pairs, beginning at one that `seed` chooses.
///
/// RFC 3927 reserves the first and the last 256 addresses; 168.0 to 171.255 are where AWS keeps its services.
fn transfer_pairs(seed: u32) -> impl Iterator<Item = Ipv4Addr> {
    const PAIRS: u32 = 1 << 15;
    (0..PAIRS).filter_map(move |offset| {
        let pair = seed.wrapping_add(offset) % PAIRS;
        let [high, low] = u16::try_from(pair * 2).ok()?.to_be_bytes();
        let reserved = high == 0 || high == 255 || (168..172).contains(&high);
        (!reserved).then(|| Ipv4Addr::new(169, 254, high, low))
    })
}

fn set_kernel_parameters() -> Result<(), NetworkError> {
    for (name, value) in [
        ("ipv4/conf/all/rp_filter", "0"),
        ("ipv4/conf/default/rp_filter", "0"),
        ("ipv4/conf/all/send_redirects", "0"),
        ("ipv4/conf/default/send_redirects", "0"),
        // A task sees its whole subnet as neighbours; the VPC answers ARP for all of them.
        ("ipv4/conf/default/proxy_arp", "1"),
        ("ipv4/ip_forward", "1"),
    ] {
        sysctl::set(name, value)?;
    }
    sysctl::set_if_present("ipv6/conf/default/disable_ipv6", "1")
}

fn connect(links: &mut Socket, host: &mut Socket, uplink: &Uplink) -> Result<(), NetworkError> {
    let mut batch = Batch::default();
    link::set_up(&mut batch, uplink.vpc_index);
    address::add(&mut batch, uplink.vpc_index, Cidr { address: uplink.vpc_address, prefix: 31 });
    neighbour::answer_at_once(&mut batch, uplink.vpc_index);
    links.execute(batch)?;
    link::wait_until_operational(host, uplink.host_index)?;
    Ok(())
}

/// Reads the rules that a former server left and drops those of links that are gone.
pub fn recover(
    links: &mut Socket,
    nft: &mut Nft,
    public_by_alias: &HashMap<Ipv4Addr, Ipv4Addr>,
    acl_chains: &BTreeSet<String>,
) -> Result<Model, NetworkError> {
    let present: HashMap<String, Link> =
        link::list(links)?.into_iter().map(|link| (link.name.clone(), link)).collect();
    let index_of = |name: &str| present.get(name).map(|link| link.index);
    let id_of = |name: &str| present.get(name).and_then(|link| link.alias.clone());
    let public_of = |alias: Ipv4Addr| public_by_alias.get(&alias).copied();
    let (model, commands) = listing::read(nft, index_of, id_of, public_of, acl_chains)?;
    nft.run(&commands)?;
    Ok(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfer_pairs_avoid_reserved_addresses() {
        let all: Vec<Ipv4Addr> = transfer_pairs(0xfedc_ba98).collect();
        assert_eq!(all.len(), (256 - 2 - 4) * 128);
        assert!(all.iter().all(|address| address.octets()[3] % 2 == 0));
        assert!(!all.contains(&Ipv4Addr::new(169, 254, 170, 2)));
        let unique: BTreeSet<_> = all.iter().collect();
        assert_eq!(unique.len(), all.len());
    }
}
