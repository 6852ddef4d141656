//! IPv6 of a VPC's own links and of its interfaces. A VPC without an IPv6 block has none anywhere.
//!
//! Nobody here discovers a neighbour or a router: every link knows its other end by a fixed entry for a link-local address
//! that no link carries, and gives itself no address.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;
use std::os::fd::BorrowedFd;

use crate::config::{EniConfig, IPV6_GATEWAY, IpCidr, Ipv6Cidr, MacAddress, VpcConfig};
use crate::error::NetworkError;
use crate::namespace;
use crate::netlink::route::{self, Route, TABLE_MAIN};
use crate::netlink::{Batch, Socket, address, link, neighbour};
use crate::nft::base_rules;
use crate::sysctl;
use crate::vpc::TASK_INTERFACE;
use crate::vpc::attach::OuterLink;
use crate::vpc::setup::Uplink;

/// The next hop that stands for the VPC, at the host's end of its uplink.
const VPC_HOP: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);

/// The next hop that stands for the other end of an uplink, seen from the VPC, and of a peering.
pub const HOP: Ipv6Addr = IPV6_GATEWAY;

const LOOPBACK: u32 = 1;

/// Two namespaces between which the calling thread goes to and fro: it is in `own`.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    pub own: BorrowedFd<'a>,
    pub other: BorrowedFd<'a>,
}

impl Visit<'_> {
    fn run(self, work: impl FnOnce() -> Result<(), NetworkError>) -> Result<(), NetworkError> {
        namespace::enter(self.other)?;
        let outcome = work();
        // Whatever failed there, the thread must come back before anything else.
        namespace::enter(self.own)?;
        outcome
    }
}

/// Both ends of a VPC's uplink, for the VPC's thread.
#[derive(Debug)]
pub struct Ends<'a> {
    pub links: &'a mut Socket,
    pub host: &'a mut Socket,
    pub uplink: &'a Uplink,
    /// From the VPC's namespace to the host's.
    pub visit: Visit<'a>,
    /// Of the host's route to the VPC's block.
    pub priority: u32,
}

/// Brings the uplink and the VPC's loopback to the IPv6 block of `config`, or takes IPv6 off them. What is in place already
/// stays as it is.
pub fn configure(ends: &mut Ends<'_>, config: &VpcConfig) -> Result<(), NetworkError> {
    match config.ipv6_cidr {
        Some(block) => open(ends, block, config),
        None if is_enabled(base_rules::UPLINK) => close(ends),
        None => Ok(()),
    }
}

fn open(ends: &mut Ends<'_>, block: Ipv6Cidr, config: &VpcConfig) -> Result<(), NetworkError> {
    let Ends { links, host, uplink, visit, priority } = ends;
    sysctl::set("ipv6/conf/all/forwarding", "1")?;
    enable_outer(links, uplink.vpc_index, base_rules::UPLINK)?;
    let to_host =
        Route { link: Some(uplink.vpc_index), gateway: Some(HOP.into()), ..Route::host(uplink.host_ipv6) };
    // Without the second, packets to addresses nobody has would leave by the uplink.
    let wanted = [to_host, Route::new(block)];
    let mut batch = Batch::default();
    neighbour::add(&mut batch, uplink.vpc_index, HOP, uplink.host_mac);
    wanted.iter().for_each(|route| route::add(&mut batch, route));
    remove_other_blocks(&mut batch, links, Some(block))?;
    routers_addresses(&mut batch, links, config)?;
    links.execute(batch)?;

    let mut batch = Batch::default();
    link::set_no_own_addresses(&mut batch, uplink.host_index);
    host.execute(batch)?;
    visit.run(|| {
        let name = &uplink.host_name;
        // Forwarding may have been on in this namespace before, with another default for new links.
        for (parameter, value) in [("accept_ra", "0"), ("forwarding", "1"), ("disable_ipv6", "0")] {
            sysctl::set(&format!("ipv6/conf/{name}/{parameter}"), value)?;
        }
        Ok(())
    })?;
    let mut batch = Batch::default();
    address::add_v6(&mut batch, uplink.host_index, uplink.host_ipv6);
    neighbour::add(&mut batch, uplink.host_index, VPC_HOP, uplink.vpc_mac);
    let to_vpc = Route {
        link: Some(uplink.host_index),
        gateway: Some(VPC_HOP.into()),
        source: Some(uplink.host_ipv6.into()),
        priority: *priority,
        ..Route::new(block)
    };
    route::add(&mut batch, &to_vpc);
    let others = route::list_ours(host)?.into_iter().filter(|route| {
        route.link == Some(uplink.host_index) && route.destination.v6().is_some_and(|other| other != block)
    });
    others.for_each(|other| route::delete(&mut batch, &other));
    host.execute(batch)?;
    route::wait_until_local(host, uplink.host_ipv6)
}

/// A link that is without IPv6 loses its addresses, routes and neighbours.
fn close(ends: &mut Ends<'_>) -> Result<(), NetworkError> {
    let Ends { links, uplink, visit, .. } = ends;
    let mut batch = Batch::default();
    remove_other_blocks(&mut batch, links, None)?;
    for own in address::list_v6(links, LOOPBACK)?.into_iter().filter(|own| !own.is_loopback()) {
        address::delete_v6(&mut batch, LOOPBACK, own);
    }
    links.execute(batch)?;
    sysctl::set(&format!("ipv6/conf/{}/disable_ipv6", base_rules::UPLINK), "1")?;
    visit.run(|| sysctl::set(&format!("ipv6/conf/{}/disable_ipv6", uplink.host_name), "1"))
}

/// Appends what removes the black holes of former blocks from the VPC's main table.
fn remove_other_blocks(
    batch: &mut Batch,
    links: &mut Socket,
    block: Option<Ipv6Cidr>,
) -> Result<(), NetworkError> {
    let present = route::list_ours(links)?.into_iter();
    let stale = present.filter(|route| {
        route.table == TABLE_MAIN
            && route.link.is_none()
            && route.destination.v6().is_some_and(|other| Some(other) != block)
    });
    stale.for_each(|route| route::delete(batch, &route));
    Ok(())
}

/// Appends what gives the VPC the first address of each subnet: errors about packets that were too large come from one.
fn routers_addresses(batch: &mut Batch, links: &mut Socket, config: &VpcConfig) -> Result<(), NetworkError> {
    let wanted: BTreeSet<Ipv6Addr> =
        config.subnets.iter().filter_map(|subnet| subnet.ipv6_cidr).map(|cidr| cidr.nth(1)).collect();
    let present: BTreeSet<Ipv6Addr> =
        address::list_v6(links, LOOPBACK)?.into_iter().filter(|own| !own.is_loopback()).collect();
    wanted.difference(&present).for_each(|router| address::add_v6(batch, LOOPBACK, *router));
    present.difference(&wanted).for_each(|router| address::delete_v6(batch, LOOPBACK, *router));
    Ok(())
}

/// Lets a link of the VPC's namespace carry IPv6.
pub fn enable_outer(links: &mut Socket, index: u32, name: &str) -> Result<(), NetworkError> {
    let mut batch = Batch::default();
    link::set_no_own_addresses(&mut batch, index);
    links.execute(batch)?;
    sysctl::set(&format!("ipv6/conf/{name}/disable_ipv6"), "0")
}

fn is_enabled(link: &str) -> bool {
    sysctl::read(&format!("ipv6/conf/{link}/disable_ipv6")).is_some_and(|value| value == "0")
}

/// Gives the inner end of an interface its IPv6 addresses and the way out. The calling thread is in the VPC's namespace,
/// from which `visit` leads to the task's.
pub fn configure_inner(
    inner: &mut Socket,
    inner_index: u32,
    eni: &EniConfig,
    outer_mac: MacAddress,
    visit: Visit<'_>,
) -> Result<(), NetworkError> {
    let mut batch = Batch::default();
    link::set_no_own_addresses(&mut batch, inner_index);
    inner.execute(batch)?;
    visit.run(|| {
        for (parameter, value) in [("accept_ra", "0"), ("accept_redirects", "0"), ("disable_ipv6", "0")] {
            sysctl::set(&format!("ipv6/conf/{TASK_INTERFACE}/{parameter}"), value)?;
        }
        Ok(())
    })?;
    let mut batch = Batch::default();
    for own in &eni.ipv6_addresses {
        address::add_v6(&mut batch, inner_index, *own);
    }
    neighbour::add(&mut batch, inner_index, IPV6_GATEWAY, outer_mac);
    let default = Route {
        link: Some(inner_index),
        gateway: Some(IPV6_GATEWAY.into()),
        source: eni.ipv6_addresses.first().copied().map(Into::into),
        ..Route::new(IpCidr::EVERYWHERE_V6)
    };
    route::add(&mut batch, &default);
    inner.execute(batch)?;
    eni.ipv6_addresses.iter().try_for_each(|own| route::wait_until_local(inner, *own))
}

/// Makes the interface's IPv6 addresses lead to its outer end.
pub fn connect_outer(links: &mut Socket, outer: &OuterLink, eni: &EniConfig) -> Result<(), NetworkError> {
    enable_outer(links, outer.index, &outer.name)?;
    let mut batch = Batch::default();
    for own in &eni.ipv6_addresses {
        route::add(&mut batch, &Route { link: Some(outer.index), ..Route::host(*own) });
        neighbour::add(&mut batch, outer.index, *own, eni.mac);
    }
    links.execute(batch)
}
