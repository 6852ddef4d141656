//! The link side of attaching and detaching an interface.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use stdx::random::{self, SystemRandom};

use crate::config::{Cidr, EniConfig, MacAddress, NetnsTarget};
use crate::error::NetworkError;
use crate::limits;
use crate::namespace;
use crate::netlink::link::{self, Link, Veth};
use crate::netlink::route::{self, Route};
use crate::netlink::{Batch, Socket, address, neighbour};
use crate::ready::Prepared;
use crate::vpc::ipv6::{self, Visit};
use crate::vpc::setup::Uplink;
use crate::vpc::{DEAD_LINK_GROUP, LINK_GROUP, TASK_INTERFACE};

/// The outer end of an attached interface.
#[derive(Clone, Debug)]
pub struct OuterLink {
    pub name: String,
    pub index: u32,
}

/// The namespace that `target` names, for an interface of the VPC `vpc_id`.
pub fn open_target(target: &NetnsTarget, vpc_id: &str) -> Result<Target, NetworkError> {
    match target {
        NetnsTarget::Ready(task) => {
            // A pair prepared in another VPC is of no use here, and its index would name a stranger's link.
            let prepared = if task.vpc_id() == vpc_id { task.take() } else { None };
            Ok(Target { descriptor: task.descriptor_arc(), prepared })
        }
        NetnsTarget::Process(pid) => open_path(PathBuf::from(format!("/proc/{pid}/ns/net"))),
        NetnsTarget::Path(path) => open_path(path.clone()),
        NetnsTarget::Descriptor(descriptor) => {
            Ok(Target { descriptor: Arc::clone(descriptor), prepared: None })
        }
    }
}

fn open_path(path: PathBuf) -> Result<Target, NetworkError> {
    Ok(Target { descriptor: Arc::new(namespace::open(&path)?), prepared: None })
}

#[derive(Debug)]
pub struct Target {
    pub descriptor: Arc<OwnedFd>,
    pub prepared: Option<Prepared>,
}

/// The veth pair of `task`: the one that a server killed in the middle left there, or a new one.
///
/// The calling thread, in the VPC's namespace, visits the task's.
pub fn find_or_make_pair(
    links: &mut Socket,
    vpc: BorrowedFd<'_>,
    task: BorrowedFd<'_>,
    eni_id: &str,
) -> Result<Prepared, NetworkError> {
    namespace::enter(task)?;
    let inner = Socket::route();
    // Whatever failed inside, the thread must come back before anything else.
    namespace::enter(vpc)?;
    let mut inner = inner?;
    let present = match link::namespace_id(links, task)? {
        None => Vec::new(),
        id => link::list(links)?.into_iter().filter(|link| link.peer_namespace_id == id).collect(),
    };
    let usable =
        |link: &&Link| link.group == LINK_GROUP && link.alias.as_deref().is_none_or(|id| id == eni_id);
    if let Some(found) = present.iter().find(usable) {
        let inner_index = link::by_name(&mut inner, TASK_INTERFACE)?.index;
        let outer = OuterLink { name: found.name.clone(), index: found.index };
        return Ok(Prepared { inner, inner_index, outer });
    }
    // What is left is another interface's: a task has one, and its name must be free.
    let mut batch = Batch::default();
    for other in &present {
        link::delete(&mut batch, other.index);
    }
    links.execute(batch)?;
    pair_with(links, inner, task)
}

/// Makes a veth pair and sets both ends up, the outer one in the namespace of `links`, the inner one in
/// `inner`'s.
pub fn pair_with(
    links: &mut Socket,
    mut inner: Socket,
    task: BorrowedFd<'_>,
) -> Result<Prepared, NetworkError> {
    let name = format!("e{}", random::hex(&SystemRandom, 12));
    let mut batch = Batch::default();
    let veth = Veth {
        name: &name,
        group: LINK_GROUP,
        mtu_bytes: limits::MTU_BYTES,
        peer_name: TASK_INTERFACE,
        peer_namespace: task,
    };
    link::add_veth(&mut batch, &veth);
    links.execute(batch)?;
    let index = link::by_name(links, &name)?.index;
    let mut batch = Batch::default();
    neighbour::answer_at_once(&mut batch, index);
    links.execute(batch)?;
    let inner_index = link::by_name(&mut inner, TASK_INTERFACE)?.index;
    let mut batch = Batch::default();
    link::set_up(&mut batch, 1);
    link::set_up(&mut batch, inner_index);
    inner.execute(batch)?;
    link::wait_until_operational(links, index)?;
    Ok(Prepared { inner, inner_index, outer: OuterLink { name, index } })
}

/// Gives the inner end what the task must see. The calling thread is in the namespace of `links`, the VPC's, from which
/// `visit` leads to the task's.
pub fn configure_inner(
    links: &mut Socket,
    prepared: &mut Prepared,
    eni: &EniConfig,
    visit: Visit<'_>,
) -> Result<(), NetworkError> {
    let mut batch = Batch::default();
    link::set_mac(&mut batch, prepared.inner_index, eni.mac);
    let cidr = Cidr { address: eni.address, prefix: eni.subnet.prefix };
    address::add(&mut batch, prepared.inner_index, cidr);
    let everywhere = Cidr { address: Ipv4Addr::UNSPECIFIED, prefix: 0 };
    let gateway = Some(eni.subnet.nth(1).into());
    let default = Route { link: Some(prepared.inner_index), gateway, ..Route::new(everywhere) };
    route::add(&mut batch, &default);
    prepared.inner.execute(batch)?;
    if eni.ipv6_addresses.is_empty() {
        return Ok(());
    }
    let outer_mac = link::by_index(links, prepared.outer.index)?.mac.unwrap_or(MacAddress([0; 6]));
    ipv6::configure_inner(&mut prepared.inner, prepared.inner_index, eni, outer_mac, visit)
}

/// Makes the address lead to the outer end, in the VPC and from the host.
pub fn connect_outer(
    links: &mut Socket,
    host: &mut Socket,
    uplink: &Uplink,
    priority: u32,
    outer: &OuterLink,
    eni: &EniConfig,
) -> Result<(), NetworkError> {
    let mut batch = Batch::default();
    link::set_alias(&mut batch, outer.index, &eni.eni_id);
    route::add(&mut batch, &Route { link: Some(outer.index), ..Route::host(eni.address) });
    neighbour::add(&mut batch, outer.index, eni.address, eni.mac);
    links.execute(batch)?;
    let mut batch = Batch::default();
    route::add(&mut batch, &host_route(uplink, priority, eni.address));
    host.execute(batch)?;
    if eni.ipv6_addresses.is_empty() { Ok(()) } else { ipv6::connect_outer(links, outer, eni) }
}

/// Undoes [`connect_outer`]. The link itself goes with the task's namespace, or later with others of its
/// kind.
pub fn disconnect_outer(
    links: &mut Socket,
    host: &mut Socket,
    uplink: &Uplink,
    priority: u32,
    outer: &OuterLink,
    addresses: &[IpAddr],
) -> Result<(), NetworkError> {
    let mut batch = Batch::default();
    link::set_group(&mut batch, outer.index, DEAD_LINK_GROUP);
    for address in addresses {
        route::delete(&mut batch, &Route { link: Some(outer.index), ..Route::host(*address) });
    }
    let inside = links.execute(batch);
    let mut batch = Batch::default();
    // The host has one route for all IPv6 addresses of the VPC.
    for address in addresses {
        if let IpAddr::V4(address) = address {
            route::delete(&mut batch, &host_route(uplink, priority, *address));
        }
    }
    inside.and(host.execute(batch))
}

/// Whether the link at `index` is still the interface's, and its other end in `task`.
pub fn is_in_place(
    links: &mut Socket,
    outer: &OuterLink,
    eni_id: &str,
    task: BorrowedFd<'_>,
) -> Result<bool, NetworkError> {
    let Ok(found) = link::by_index(links, outer.index) else { return Ok(false) };
    if found.name != outer.name || found.alias.as_deref() != Some(eni_id) {
        return Ok(false);
    }
    let expected = link::namespace_id(links, task.as_fd())?;
    Ok(expected.is_some() && expected == found.peer_namespace_id)
}

fn host_route(uplink: &Uplink, priority: u32, address: Ipv4Addr) -> Route {
    Route {
        link: Some(uplink.host_index),
        gateway: Some(uplink.vpc_address.into()),
        source: Some(uplink.host_address.into()),
        priority,
        ..Route::host(address)
    }
}
