//! Addresses of links.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::{Cidr, IpCidr};
use crate::error::NetworkError;
use crate::netlink::message::{
    Batch, FLAG_CREATE, FLAG_DUMP, FLAG_REPLACE, attributes, errno, family_of, read_address, read_ip,
    read_text, read_u32,
};
use crate::netlink::socket::Socket;

const NEW_ADDRESS: u16 = 20;
const DELETE_ADDRESS: u16 = 21;
const GET_ADDRESS: u16 = 22;

const ATTRIBUTE_ADDRESS: u16 = 1;
const ATTRIBUTE_LOCAL: u16 = 2;
const ATTRIBUTE_LABEL: u16 = 3;
const ATTRIBUTE_BROADCAST: u16 = 4;
const ATTRIBUTE_FLAGS: u16 = 8;

/// Usable at once: nobody else can have the address, and nobody is asked.
const FLAG_NO_DUPLICATE_DETECTION: u32 = 0x02;
/// Nobody is a neighbour because of the address's prefix.
const FLAG_NO_PREFIX_ROUTE: u32 = 0x200;

const FAMILY_IPV4: u8 = 2;
const HEADER_LENGTH: usize = 8;

/// One address of one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    pub index: u32,
    pub cidr: Cidr,
    /// The link's name, unless another was given.
    pub label: String,
}

/// Adds an address with its prefix, or keeps it when it is there.
pub fn add(batch: &mut Batch, index: u32, cidr: Cidr) {
    batch.message(
        "add an address",
        NEW_ADDRESS,
        FLAG_CREATE | FLAG_REPLACE,
        &header(index, cidr.into()),
        |address| {
            address.address(ATTRIBUTE_LOCAL, cidr.address);
            address.address(ATTRIBUTE_ADDRESS, cidr.address);
            if cidr.prefix < 31 {
                address.address(ATTRIBUTE_BROADCAST, cidr.broadcast());
            }
        },
    );
}

/// As [`add`] for one address alone, with a label that tells whose it is.
pub fn add_labelled(batch: &mut Batch, index: u32, host: Ipv4Addr, label: &str) {
    let cidr = Cidr { address: host, prefix: 32 };
    let flags = FLAG_CREATE | FLAG_REPLACE;
    batch.message("add an address", NEW_ADDRESS, flags, &header(index, cidr.into()), |address| {
        address.address(ATTRIBUTE_LOCAL, host);
        address.address(ATTRIBUTE_ADDRESS, host);
        address.text(ATTRIBUTE_LABEL, label);
    });
}

pub fn delete(batch: &mut Batch, index: u32, cidr: Cidr) {
    batch
        .message("remove an address", DELETE_ADDRESS, 0, &header(index, cidr.into()), |address| {
            address.address(ATTRIBUTE_LOCAL, cidr.address);
        })
        .tolerating(&[errno::ADDRESS_NOT_AVAILABLE, errno::NO_DEVICE]);
}

/// Adds an IPv6 address that is usable at once, or keeps it when it is there.
pub fn add_v6(batch: &mut Batch, index: u32, host: Ipv6Addr) {
    let header = header(index, IpCidr::host(host.into()));
    batch.message("add an address", NEW_ADDRESS, FLAG_CREATE | FLAG_REPLACE, &header, |address| {
        address.address(ATTRIBUTE_LOCAL, host);
        address.address(ATTRIBUTE_ADDRESS, host);
        address.u32(ATTRIBUTE_FLAGS, FLAG_NO_DUPLICATE_DETECTION | FLAG_NO_PREFIX_ROUTE);
    });
}

pub fn delete_v6(batch: &mut Batch, index: u32, host: Ipv6Addr) {
    let header = header(index, IpCidr::host(host.into()));
    batch
        .message("remove an address", DELETE_ADDRESS, 0, &header, |address| {
            address.address(ATTRIBUTE_LOCAL, host);
        })
        .tolerating(&[errno::ADDRESS_NOT_AVAILABLE, errno::NO_DEVICE]);
}

/// The IPv6 addresses of one link that stand for themselves alone.
pub fn list_v6(socket: &mut Socket, index: u32) -> Result<Vec<Ipv6Addr>, NetworkError> {
    let mut query = Batch::default();
    query.message("list addresses", GET_ADDRESS, FLAG_DUMP, &header(0, IpCidr::EVERYWHERE_V6), |_| {});
    let answers = socket.query(query)?;
    let of_link = answers.iter().filter(|answer| {
        let [_, prefix, ..] = answer.body[..] else { return false };
        answer.kind == NEW_ADDRESS && prefix == 128 && answer.body.get(4..).and_then(read_u32) == Some(index)
    });
    let address = |body: &[u8]| {
        let (_, value) =
            attributes(body.get(HEADER_LENGTH..)?).find(|(kind, _)| *kind == ATTRIBUTE_ADDRESS)?;
        match read_ip(value)? {
            IpAddr::V6(address) => Some(address),
            IpAddr::V4(_) => None,
        }
    };
    Ok(of_link.filter_map(|answer| address(&answer.body)).collect())
}

pub fn list(socket: &mut Socket) -> Result<Vec<Assigned>, NetworkError> {
    let mut query = Batch::default();
    let any = Cidr { address: Ipv4Addr::UNSPECIFIED, prefix: 0 };
    query.message("list addresses", GET_ADDRESS, FLAG_DUMP, &header(0, any.into()), |_| {});
    let answers = socket.query(query)?;
    Ok(answers.iter().filter_map(|answer| parse(answer.kind, &answer.body)).collect())
}

fn parse(kind: u16, body: &[u8]) -> Option<Assigned> {
    if kind != NEW_ADDRESS || *body.first()? != FAMILY_IPV4 {
        return None;
    }
    let prefix = *body.get(1)?;
    let index = read_u32(body.get(4..)?)?;
    let attributes = || attributes(body.get(HEADER_LENGTH..).unwrap_or_default());
    let (_, local) = attributes().find(|(kind, _)| *kind == ATTRIBUTE_LOCAL)?;
    let label = attributes().find(|(kind, _)| *kind == ATTRIBUTE_LABEL).map(|(_, label)| read_text(label));
    Some(Assigned {
        index,
        cidr: Cidr { address: read_address(local)?, prefix },
        label: label.unwrap_or_default(),
    })
}

fn header(index: u32, cidr: IpCidr) -> [u8; HEADER_LENGTH] {
    let mut bytes = [0; HEADER_LENGTH];
    bytes[0] = family_of(cidr.network());
    bytes[1] = cidr.prefix();
    bytes[4..8].copy_from_slice(&index.to_ne_bytes());
    bytes
}
