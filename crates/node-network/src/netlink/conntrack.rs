//! Forgetting tracked connections of an address, before another interface gets it.

use std::net::IpAddr;

use crate::netlink::message::{Batch, errno, family_of};

/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE`.
const DELETE: u16 = (1 << 8) | 2;

const TUPLE_ORIGINAL: u16 = 1;
const FILTER: u16 = 25;
const TUPLE_IP: u16 = 1;
/// Those of IPv6 follow those of IPv4.
const IP_SOURCE: u16 = 1;
const IP_DESTINATION: u16 = 2;
const IPV6_ATTRIBUTES: u16 = 2;
const FILTER_ORIGINAL_FLAGS: u16 = 1;
const FILTER_REPLY_FLAGS: u16 = 2;
const FILTER_SOURCE: u32 = 1;
const FILTER_DESTINATION: u32 = 2;

/// Removes the flows that `address` began, and those that others began to it.
pub fn forget(batch: &mut Batch, address: IpAddr) {
    forget_one_side(batch, address, IP_SOURCE, FILTER_SOURCE);
    forget_one_side(batch, address, IP_DESTINATION, FILTER_DESTINATION);
}

fn forget_one_side(batch: &mut Batch, address: IpAddr, attribute: u16, filter: u32) {
    let attribute = if address.is_ipv6() { attribute + IPV6_ATTRIBUTES } else { attribute };
    batch
        .message("forget tracked connections", DELETE, 0, &[family_of(address), 0, 0, 0], |message| {
            message.nested(TUPLE_ORIGINAL, |tuple| {
                tuple.nested(TUPLE_IP, |ip| ip.address(attribute, address));
            });
            message.nested(FILTER, |flags| {
                flags.u32(FILTER_ORIGINAL_FLAGS, filter);
                flags.u32(FILTER_REPLY_FLAGS, 0);
            });
        })
        .tolerating(&[errno::NO_ENTRY]);
}
