//! Routes, of the main table and of a VPC's own ones.

use std::net::{IpAddr, Ipv6Addr};
use std::thread;

use crate::config::{Cidr, IpCidr, Ipv6Cidr};
use crate::error::NetworkError;
use crate::limits;
use crate::netlink::message::{
    Batch, FLAG_CREATE, FLAG_DUMP, FLAG_REPLACE, attributes, errno, family_of, read_ip, read_u32, unspecified,
};
use crate::netlink::socket::Socket;

const NEW_ROUTE: u16 = 24;
const DELETE_ROUTE: u16 = 25;
const GET_ROUTE: u16 = 26;

const ATTRIBUTE_DESTINATION: u16 = 1;
const ATTRIBUTE_LINK: u16 = 4;
const ATTRIBUTE_GATEWAY: u16 = 5;
const ATTRIBUTE_PRIORITY: u16 = 6;
const ATTRIBUTE_SOURCE: u16 = 7;
const ATTRIBUTE_METRICS: u16 = 8;
const ATTRIBUTE_TABLE: u16 = 15;
const METRIC_MTU: u16 = 2;

pub const TABLE_MAIN: u32 = 254;
/// Marks our routes among the host's (`ip route list proto 110`), and our rules.
pub const PROTOCOL_NEARGATE: u8 = 110;
const SCOPE_UNIVERSE: u8 = 0;
const SCOPE_LINK: u8 = 253;
const KIND_UNICAST: u8 = 1;
const KIND_LOCAL: u8 = 2;
const KIND_BLACKHOLE: u8 = 6;
const KIND_THROW: u8 = 9;
const FLAG_ON_LINK: u32 = 4;
const HEADER_LENGTH: usize = 12;

/// A route of ours. Without a link it is a black hole, or ends the look-up in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    pub table: u32,
    pub destination: IpCidr,
    pub link: Option<u32>,
    pub gateway: Option<IpAddr>,
    pub source: Option<IpAddr>,
    pub priority: u32,
    pub mtu_bytes: Option<u32>,
    /// The gateway is on the link whatever other routes say.
    pub on_link: bool,
    /// Without a link: leave the decision to the rules and tables that follow.
    pub throws: bool,
}

impl Route {
    pub fn new(destination: impl Into<IpCidr>) -> Self {
        Self {
            table: TABLE_MAIN,
            destination: destination.into(),
            link: None,
            gateway: None,
            source: None,
            priority: 0,
            mtu_bytes: None,
            on_link: false,
            throws: false,
        }
    }

    /// The route to one address.
    pub fn host(address: impl Into<IpAddr>) -> Self {
        Self::new(IpCidr::host(address.into()))
    }
}

/// What the kernel gives an IPv6 route that was added without a priority.
const PRIORITY_OF_IPV6: u32 = 1024;

impl Route {
    /// Takes out what the kernel adds to routes of IPv6: a priority, and the loopback as the link of those that lead nowhere.
    fn forget_defaults(&mut self, kind: u8) {
        if self.priority == PRIORITY_OF_IPV6 {
            self.priority = 0;
        }
        if kind != KIND_UNICAST {
            self.link = None;
        }
    }
}

/// Adds a route, replacing one of ours with the same destination and priority.
pub fn add(batch: &mut Batch, route: &Route) {
    let flags = FLAG_CREATE | FLAG_REPLACE;
    batch.message("add a route", NEW_ROUTE, flags, &header(route), |attributes| {
        attributes.u32(ATTRIBUTE_TABLE, route.table);
        attributes.address(ATTRIBUTE_DESTINATION, route.destination.network());
        if let Some(link) = route.link {
            attributes.u32(ATTRIBUTE_LINK, link);
        }
        if let Some(gateway) = route.gateway {
            attributes.address(ATTRIBUTE_GATEWAY, gateway);
        }
        if let Some(source) = route.source {
            attributes.address(ATTRIBUTE_SOURCE, source);
        }
        if route.priority > 0 {
            attributes.u32(ATTRIBUTE_PRIORITY, route.priority);
        }
        if let Some(mtu) = route.mtu_bytes {
            attributes.nested(ATTRIBUTE_METRICS, |metrics| metrics.u32(METRIC_MTU, mtu));
        }
    });
}

/// Removes a route; one that went with its link is fine.
pub fn delete(batch: &mut Batch, route: &Route) {
    batch
        .message("remove a route", DELETE_ROUTE, 0, &header(route), |attributes| {
            attributes.u32(ATTRIBUTE_TABLE, route.table);
            attributes.address(ATTRIBUTE_DESTINATION, route.destination.network());
            if let Some(link) = route.link {
                attributes.u32(ATTRIBUTE_LINK, link);
            }
            if route.priority > 0 {
                attributes.u32(ATTRIBUTE_PRIORITY, route.priority);
            }
        })
        .tolerating(&[errno::NO_PROCESS, errno::NO_ENTRY, errno::NO_DEVICE]);
}

/// Waits until packets to one of the namespace's own IPv6 addresses are taken in.
///
/// The kernel gives an address its local route in a work queue of its own, also without looking for duplicates; what arrives
/// before is lost. There is an event for it, but a subscription costs more than asking again.
pub fn wait_until_local(socket: &mut Socket, address: Ipv6Addr) -> Result<(), NetworkError> {
    for _ in 0..limits::LINK_POLLS_MAX {
        if is_local(socket, address) {
            return Ok(());
        }
        thread::sleep(limits::LINK_POLL_PERIOD);
    }
    Err(NetworkError::Netlink { what: "wait for an address", source: std::io::ErrorKind::TimedOut.into() })
}

/// An address without any route is not local either.
fn is_local(socket: &mut Socket, address: Ipv6Addr) -> bool {
    let mut header = [0; HEADER_LENGTH];
    header[0] = family_of(address.into());
    header[1] = 128;
    let mut query = Batch::default();
    query.message("find the way to an address", GET_ROUTE, 0, &header, |attributes| {
        attributes.address(ATTRIBUTE_DESTINATION, address);
    });
    let answers = socket.query(query).unwrap_or_default();
    answers.iter().any(|answer| answer.kind == NEW_ROUTE && answer.body.get(7) == Some(&KIND_LOCAL))
}

/// The routes of the main table that this program added.
pub fn list_ours(socket: &mut Socket) -> Result<Vec<Route>, NetworkError> {
    Ok(list_all_ours(socket)?.into_iter().filter(|route| route.table == TABLE_MAIN).collect())
}

/// The routes of all tables that this program added.
pub fn list_all_ours(socket: &mut Socket) -> Result<Vec<Route>, NetworkError> {
    let mut query = Batch::default();
    // Of no family: of all of them.
    query.message("list routes", GET_ROUTE, FLAG_DUMP, &[0; HEADER_LENGTH], |_| {});
    let answers = socket.query(query)?;
    Ok(answers.iter().filter_map(|answer| parse(answer.kind, &answer.body)).collect())
}

fn parse(kind: u16, body: &[u8]) -> Option<Route> {
    if kind != NEW_ROUTE || *body.get(5)? != PROTOCOL_NEARGATE {
        return None;
    }
    let mut destination = unspecified(*body.first()?)?;
    let prefix = *body.get(1)?;
    let mut route = Route::new(IpCidr::host(destination));
    route.table = u32::from(*body.get(4)?);
    route.throws = *body.get(7)? == KIND_THROW;
    route.on_link = read_u32(body.get(8..)?)? & FLAG_ON_LINK != 0;
    for (kind, value) in attributes(body.get(HEADER_LENGTH..)?) {
        match kind {
            ATTRIBUTE_TABLE => route.table = read_u32(value)?,
            ATTRIBUTE_DESTINATION => destination = read_ip(value)?,
            ATTRIBUTE_LINK => route.link = read_u32(value),
            ATTRIBUTE_PRIORITY => route.priority = read_u32(value)?,
            ATTRIBUTE_GATEWAY => route.gateway = read_ip(value),
            ATTRIBUTE_SOURCE => route.source = read_ip(value),
            ATTRIBUTE_METRICS => {
                let mtu = attributes(value).find(|(kind, _)| *kind == METRIC_MTU);
                route.mtu_bytes = mtu.and_then(|(_, value)| read_u32(value));
            }
            _ => {}
        }
    }
    route.destination = match destination {
        IpAddr::V4(address) => Cidr { address, prefix }.into(),
        IpAddr::V6(address) => Ipv6Cidr { address, prefix }.into(),
    };
    if destination.is_ipv6() {
        route.forget_defaults(*body.get(7)?);
    }
    Some(route)
}

fn header(route: &Route) -> [u8; HEADER_LENGTH] {
    let scope = if route.link.is_some() && route.gateway.is_none() { SCOPE_LINK } else { SCOPE_UNIVERSE };
    let kind = match (route.link, route.throws) {
        (Some(_), _) => KIND_UNICAST,
        (None, true) => KIND_THROW,
        (None, false) => KIND_BLACKHOLE,
    };
    let mut bytes = [0; HEADER_LENGTH];
    bytes[0] = family_of(route.destination.network());
    bytes[1] = route.destination.prefix();
    // Numbers that don't fit the header are in an attribute, which counts then.
    bytes[4] = u8::try_from(route.table).unwrap_or(0);
    bytes[5] = PROTOCOL_NEARGATE;
    bytes[6] = scope;
    bytes[7] = kind;
    if route.on_link {
        bytes[8..12].copy_from_slice(&FLAG_ON_LINK.to_ne_bytes());
    }
    bytes
}
