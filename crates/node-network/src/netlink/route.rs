//! IPv4 routes of the main table.

use std::net::Ipv4Addr;

use crate::config::Cidr;
use crate::error::NetworkError;
use crate::netlink::message::{
    Batch, FLAG_CREATE, FLAG_DUMP, FLAG_REPLACE, attributes, errno, read_address, read_u32,
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
const METRIC_MTU: u16 = 2;

const FAMILY_IPV4: u8 = 2;
const TABLE_MAIN: u8 = 254;
/// Marks our routes among the host's (`ip route list proto 110`).
const PROTOCOL_NEARGATE: u8 = 110;
const SCOPE_UNIVERSE: u8 = 0;
const SCOPE_LINK: u8 = 253;
const KIND_UNICAST: u8 = 1;
const KIND_BLACKHOLE: u8 = 6;
const HEADER_LENGTH: usize = 12;

/// A route of ours. Without a link it is a black hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    pub destination: Cidr,
    pub link: Option<u32>,
    pub gateway: Option<Ipv4Addr>,
    pub source: Option<Ipv4Addr>,
    pub priority: u32,
    pub mtu_bytes: Option<u32>,
}

impl Route {
    pub fn new(destination: Cidr) -> Self {
        Self { destination, link: None, gateway: None, source: None, priority: 0, mtu_bytes: None }
    }

    /// The route to one address.
    pub fn host(address: Ipv4Addr) -> Self {
        Self::new(Cidr { address, prefix: 32 })
    }
}

/// Adds a route, replacing one of ours with the same destination and priority.
pub fn add(batch: &mut Batch, route: &Route) {
    let flags = FLAG_CREATE | FLAG_REPLACE;
    batch.message("add a route", NEW_ROUTE, flags, &header(route), |attributes| {
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

/// Destinations, with link and priority, of the routes that this program added.
pub fn list_ours(socket: &mut Socket) -> Result<Vec<Route>, NetworkError> {
    let mut query = Batch::default();
    let mut all = [0; HEADER_LENGTH];
    all[0] = FAMILY_IPV4;
    query.message("list routes", GET_ROUTE, FLAG_DUMP, &all, |_| {});
    let answers = socket.query(query)?;
    Ok(answers.iter().filter_map(|answer| parse(answer.kind, &answer.body)).collect())
}

fn parse(kind: u16, body: &[u8]) -> Option<Route> {
    let ours = *body.first()? == FAMILY_IPV4 && *body.get(5)? == PROTOCOL_NEARGATE;
    if kind != NEW_ROUTE || !ours || *body.get(4)? != TABLE_MAIN {
        return None;
    }
    let prefix = *body.get(1)?;
    let mut route = Route::new(Cidr { address: Ipv4Addr::UNSPECIFIED, prefix });
    for (kind, value) in attributes(body.get(HEADER_LENGTH..)?) {
        match kind {
            ATTRIBUTE_DESTINATION => route.destination.address = read_address(value)?,
            ATTRIBUTE_LINK => route.link = read_u32(value),
            ATTRIBUTE_PRIORITY => route.priority = read_u32(value)?,
            ATTRIBUTE_GATEWAY => route.gateway = read_address(value),
            _ => {}
        }
    }
    Some(route)
}

fn header(route: &Route) -> [u8; HEADER_LENGTH] {
    let scope = if route.link.is_some() && route.gateway.is_none() { SCOPE_LINK } else { SCOPE_UNIVERSE };
    let kind = if route.link.is_some() { KIND_UNICAST } else { KIND_BLACKHOLE };
    let mut bytes = [0; HEADER_LENGTH];
    bytes[0] = FAMILY_IPV4;
    bytes[1] = route.destination.prefix;
    bytes[4] = TABLE_MAIN;
    bytes[5] = PROTOCOL_NEARGATE;
    bytes[6] = scope;
    bytes[7] = kind;
    bytes
}
