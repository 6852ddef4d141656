//! Fixed neighbour entries, which spare the first packet its ARP question, and IPv6 neighbour discovery as a whole.

use std::net::IpAddr;

use crate::config::MacAddress;
use crate::netlink::message::{Batch, FLAG_CREATE, FLAG_REPLACE, family_of};

const NEW_NEIGHBOUR: u16 = 28;
const ATTRIBUTE_DESTINATION: u16 = 1;
const ATTRIBUTE_LINK_ADDRESS: u16 = 2;
const STATE_PERMANENT: u16 = 0x80;
const FAMILY_IPV4: u8 = 2;

pub fn add(batch: &mut Batch, index: u32, address: impl Into<IpAddr>, mac: MacAddress) {
    let address = address.into();
    let mut header = [0; 12];
    header[0] = family_of(address);
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..10].copy_from_slice(&STATE_PERMANENT.to_ne_bytes());
    let flags = FLAG_CREATE | FLAG_REPLACE;
    batch.message("add a neighbour", NEW_NEIGHBOUR, flags, &header, |attributes| {
        attributes.address(ATTRIBUTE_DESTINATION, address);
        attributes.bytes(ATTRIBUTE_LINK_ADDRESS, &mac.0);
    });
}

const SET_TABLE: u16 = 67;
const TABLE_NAME: u16 = 1;
const TABLE_PARAMETERS: u16 = 6;
const PARAMETER_LINK: u16 = 1;
const PARAMETER_PROXY_DELAY: u16 = 13;

/// Lets a link answer ARP for others at once. The kernel's default waits up to 0.8 s, and a namespace has no
/// default of its own for this.
pub fn answer_at_once(batch: &mut Batch, index: u32) {
    let header = [FAMILY_IPV4, 0, 0, 0];
    batch.message("set the proxy delay", SET_TABLE, 0, &header, |attributes| {
        attributes.text(TABLE_NAME, "arp_cache");
        attributes.nested(TABLE_PARAMETERS, |parameters| {
            parameters.u32(PARAMETER_LINK, index);
            parameters.bytes(PARAMETER_PROXY_DELAY, &0_u64.to_ne_bytes());
        });
    });
}
