//! Links: veth pairs, their properties and counters.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::thread;

use crate::config::MacAddress;
use crate::error::NetworkError;
use crate::limits;
use crate::netlink::message::{
    Batch, FLAG_CREATE, FLAG_DUMP, FLAG_EXCLUSIVE, attributes, errno, read_text, read_u32, read_u64,
};
use crate::netlink::socket::{Answer, Socket};

const NEW_LINK: u16 = 16;
const DELETE_LINK: u16 = 17;
const GET_LINK: u16 = 18;
const SET_LINK: u16 = 19;
const GET_NAMESPACE_ID: u16 = 90;

const ATTRIBUTE_ADDRESS: u16 = 1;
const ATTRIBUTE_NAME: u16 = 3;
const ATTRIBUTE_MTU: u16 = 4;
const ATTRIBUTE_OPERATIONAL_STATE: u16 = 16;
const ATTRIBUTE_INFO: u16 = 18;
const ATTRIBUTE_ALIAS: u16 = 20;
const ATTRIBUTE_STATS64: u16 = 23;
const ATTRIBUTE_EXTENDED_MASK: u16 = 29;
const ATTRIBUTE_GROUP: u16 = 27;
const ATTRIBUTE_NAMESPACE_FD: u16 = 28;
const ATTRIBUTE_PEER_NAMESPACE_ID: u16 = 37;
const ATTRIBUTE_OF_FAMILIES: u16 = 26;
const FAMILY_IPV6: u16 = 10;
const GENERATION_MODE: u16 = 8;
const GENERATION_NONE: u8 = 1;
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
const VETH_PEER: u16 = 1;
const NAMESPACE_ID: u16 = 1;
const NAMESPACE_FD: u16 = 3;

const FLAG_UP: u32 = 1;
const OPERATIONAL_UP: u8 = 6;
const HEADER_LENGTH: usize = 16;

/// A veth pair to be made. Its outer end is up; the kernel can't yet set the peer up while the pair is being
/// made.
#[derive(Clone, Copy, Debug)]
pub struct Veth<'a> {
    pub name: &'a str,
    pub group: u32,
    pub mtu_bytes: u32,
    pub peer_name: &'a str,
    pub peer_namespace: BorrowedFd<'a>,
}

/// What we read of a link.
#[derive(Clone, Debug, Default)]
pub struct Link {
    pub index: u32,
    pub name: String,
    pub alias: Option<String>,
    pub group: u32,
    pub mac: Option<MacAddress>,
    /// Whether it sends: a link whose other end came up a moment ago still drops everything.
    pub is_operational: bool,
    /// The number that this namespace gives to the namespace of the other end.
    pub peer_namespace_id: Option<u32>,
    pub counters: LinkCounters,
}

/// Counters as the link itself sees them: received means received by this end.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinkCounters {
    pub received_packets: u64,
    pub sent_packets: u64,
    pub received_bytes: u64,
    pub sent_bytes: u64,
    pub received_errors: u64,
    pub sent_errors: u64,
    pub received_dropped: u64,
    pub sent_dropped: u64,
}

pub fn add_veth(batch: &mut Batch, veth: &Veth<'_>) {
    let up = header(0, FLAG_UP, FLAG_UP);
    batch.message("create a veth pair", NEW_LINK, FLAG_CREATE | FLAG_EXCLUSIVE, &up, |link| {
        link.text(ATTRIBUTE_NAME, veth.name);
        link.u32(ATTRIBUTE_MTU, veth.mtu_bytes);
        link.u32(ATTRIBUTE_GROUP, veth.group);
        link.nested(ATTRIBUTE_INFO, |info| {
            info.text(INFO_KIND, "veth");
            info.nested(INFO_DATA, |data| {
                data.nested_with_header(VETH_PEER, &header(0, 0, 0), |peer| {
                    peer.text(ATTRIBUTE_NAME, veth.peer_name);
                    peer.u32(ATTRIBUTE_MTU, veth.mtu_bytes);
                    let descriptor = u32::try_from(veth.peer_namespace.as_raw_fd()).unwrap_or(u32::MAX);
                    peer.u32(ATTRIBUTE_NAMESPACE_FD, descriptor);
                });
            });
        });
    });
}

pub fn set_up(batch: &mut Batch, index: u32) {
    batch.message("set a link up", SET_LINK, 0, &header(index, FLAG_UP, FLAG_UP), |_| {});
}

pub fn set_mac(batch: &mut Batch, index: u32, mac: MacAddress) {
    batch.message("set a MAC address", SET_LINK, 0, &header(index, 0, 0), |link| {
        link.bytes(ATTRIBUTE_ADDRESS, &mac.0);
    });
}

/// Lets a link give itself no IPv6 address: it then solicits no router either.
pub fn set_no_own_addresses(batch: &mut Batch, index: u32) {
    batch.message("turn address generation off", SET_LINK, 0, &header(index, 0, 0), |link| {
        link.nested(ATTRIBUTE_OF_FAMILIES, |families| {
            families.nested(FAMILY_IPV6, |family| family.bytes(GENERATION_MODE, &[GENERATION_NONE]));
        });
    });
}

/// Aliases carry the id of what a link is for, so that a restarted server finds it.
pub fn set_alias(batch: &mut Batch, index: u32, alias: &str) {
    batch.message("set a link's alias", SET_LINK, 0, &header(index, 0, 0), |link| {
        link.bytes(ATTRIBUTE_ALIAS, alias.as_bytes());
    });
}

/// Moves a link to another group; a link that is gone already is fine.
pub fn set_group(batch: &mut Batch, index: u32, group: u32) {
    batch
        .message("set a link's group", SET_LINK, 0, &header(index, 0, 0), |link| {
            link.u32(ATTRIBUTE_GROUP, group);
        })
        .tolerating(&[errno::NO_DEVICE]);
}

/// Deletes all links of a group at once: about the time of deleting one (20 ms).
pub fn delete_group(batch: &mut Batch, group: u32) {
    batch
        .message("delete a group of links", DELETE_LINK, 0, &header(0, 0, 0), |link| {
            link.u32(ATTRIBUTE_GROUP, group);
        })
        .tolerating(&[errno::NO_DEVICE]);
}

pub fn delete(batch: &mut Batch, index: u32) {
    batch
        .message("delete a link", DELETE_LINK, 0, &header(index, 0, 0), |_| {})
        .tolerating(&[errno::NO_DEVICE]);
}

pub fn list(socket: &mut Socket) -> Result<Vec<Link>, NetworkError> {
    let mut query = Batch::default();
    query.message("list links", GET_LINK, FLAG_DUMP, &header(0, 0, 0), |_| {});
    Ok(socket.query(query)?.iter().filter_map(parse).collect())
}

pub fn by_name(socket: &mut Socket, name: &str) -> Result<Link, NetworkError> {
    let mut query = Batch::default();
    query.message("find a link by its name", GET_LINK, 0, &header(0, 0, 0), |link| {
        link.text(ATTRIBUTE_NAME, name);
    });
    found(socket.query(query)?)
}

pub fn by_index(socket: &mut Socket, index: u32) -> Result<Link, NetworkError> {
    let mut query = Batch::default();
    query.message("find a link by its index", GET_LINK, 0, &header(index, 0, 0), |link| {
        link.u32(ATTRIBUTE_EXTENDED_MASK, 0);
    });
    found(socket.query(query)?)
}

/// Waits until a link that is up, as its other end is, really sends.
///
/// The kernel notices the other end in a work queue of its own, mostly within 0.1 ms, at worst after a second.
/// There is an event for it, but a subscription costs more than asking again.
pub fn wait_until_operational(socket: &mut Socket, index: u32) -> Result<Link, NetworkError> {
    for _ in 0..limits::LINK_POLLS_MAX {
        let link = by_index(socket, index)?;
        if link.is_operational {
            return Ok(link);
        }
        thread::sleep(limits::LINK_POLL_PERIOD);
    }
    Err(NetworkError::Netlink { what: "wait for a link", source: std::io::ErrorKind::TimedOut.into() })
}

/// The number that the socket's namespace gives to another one, if it has given any.
pub fn namespace_id(socket: &mut Socket, namespace: BorrowedFd<'_>) -> Result<Option<u32>, NetworkError> {
    let mut query = Batch::default();
    query.message("find a namespace's number", GET_NAMESPACE_ID, 0, &[0; 4], |attributes| {
        attributes.u32(NAMESPACE_FD, u32::try_from(namespace.as_raw_fd()).unwrap_or(u32::MAX));
    });
    let answers = socket.query(query)?;
    let body = answers.first().and_then(|answer| answer.body.get(4..)).unwrap_or_default();
    let id = attributes(body).find(|(kind, _)| *kind == NAMESPACE_ID).and_then(|(_, value)| read_u32(value));
    // The kernel says -1 for a namespace it has no number for.
    Ok(id.filter(|id| *id != u32::MAX))
}

fn found(answers: Vec<Answer>) -> Result<Link, NetworkError> {
    answers.first().and_then(parse).ok_or_else(|| NetworkError::Netlink {
        what: "find a link",
        source: std::io::ErrorKind::NotFound.into(),
    })
}

fn header(index: u32, flags: u32, change: u32) -> [u8; HEADER_LENGTH] {
    let mut bytes = [0; HEADER_LENGTH];
    bytes[4..8].copy_from_slice(&index.to_ne_bytes());
    bytes[8..12].copy_from_slice(&flags.to_ne_bytes());
    bytes[12..16].copy_from_slice(&change.to_ne_bytes());
    bytes
}

fn parse(answer: &Answer) -> Option<Link> {
    if answer.kind != NEW_LINK {
        return None;
    }
    let mut link = Link { index: read_u32(answer.body.get(4..)?)?, ..Link::default() };
    for (kind, value) in attributes(answer.body.get(HEADER_LENGTH..)?) {
        match kind {
            ATTRIBUTE_NAME => link.name = read_text(value),
            ATTRIBUTE_ALIAS => link.alias = Some(read_text(value)),
            ATTRIBUTE_GROUP => link.group = read_u32(value)?,
            ATTRIBUTE_OPERATIONAL_STATE => link.is_operational = value.first() == Some(&OPERATIONAL_UP),
            ATTRIBUTE_ADDRESS => link.mac = value.try_into().ok().map(MacAddress),
            ATTRIBUTE_PEER_NAMESPACE_ID => link.peer_namespace_id = read_u32(value),
            ATTRIBUTE_STATS64 => link.counters = parse_counters(value)?,
            _ => {}
        }
    }
    Some(link)
}

fn parse_counters(bytes: &[u8]) -> Option<LinkCounters> {
    let at = |index: usize| read_u64(bytes.get(index * 8..)?);
    Some(LinkCounters {
        received_packets: at(0)?,
        sent_packets: at(1)?,
        received_bytes: at(2)?,
        sent_bytes: at(3)?,
        received_errors: at(4)?,
        sent_errors: at(5)?,
        received_dropped: at(6)?,
        sent_dropped: at(7)?,
    })
}
