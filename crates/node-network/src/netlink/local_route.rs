//! The route that makes every address the namespace's own, in a table that a rule leads to.

use crate::netlink::message::{Batch, FLAG_CREATE, FLAG_REPLACE};
use crate::netlink::route::PROTOCOL_NEARGATE;

const NEW_ROUTE: u16 = 24;
const ATTRIBUTE_LINK: u16 = 4;
const ATTRIBUTE_TABLE: u16 = 15;
const FAMILY_IPV4: u8 = 2;
const SCOPE_HOST: u8 = 254;
const KIND_LOCAL: u8 = 2;
const LOOPBACK: u32 = 1;
const HEADER_LENGTH: usize = 12;

/// What asks `table` is delivered here, whomever it is addressed to.
pub fn add(batch: &mut Batch, table: u32) {
    let mut header = [0; HEADER_LENGTH];
    header[0] = FAMILY_IPV4;
    header[5] = PROTOCOL_NEARGATE;
    header[6] = SCOPE_HOST;
    header[7] = KIND_LOCAL;
    batch.message("add a local route", NEW_ROUTE, FLAG_CREATE | FLAG_REPLACE, &header, |attributes| {
        attributes.u32(ATTRIBUTE_TABLE, table);
        attributes.u32(ATTRIBUTE_LINK, LOOPBACK);
    });
}
