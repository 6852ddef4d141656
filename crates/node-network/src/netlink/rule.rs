//! Policy routing rules: which table decides for which packets.

use std::net::IpAddr;

use crate::config::{Cidr, Family, IpCidr, Ipv6Cidr};
use crate::error::NetworkError;
use crate::netlink::message::{
    Batch, FLAG_CREATE, FLAG_DUMP, FLAG_EXCLUSIVE, attributes, errno, read_ip, read_text, read_u32,
};
use crate::netlink::route::PROTOCOL_NEARGATE;
use crate::netlink::socket::Socket;

const NEW_RULE: u16 = 32;
const DELETE_RULE: u16 = 33;
const GET_RULE: u16 = 34;

const ATTRIBUTE_DESTINATION: u16 = 1;
const ATTRIBUTE_SOURCE: u16 = 2;
const ATTRIBUTE_INPUT_LINK: u16 = 3;
const ATTRIBUTE_PRIORITY: u16 = 6;
const ATTRIBUTE_MARK: u16 = 10;
const ATTRIBUTE_TABLE: u16 = 15;
const ATTRIBUTE_PROTOCOL: u16 = 21;

const ACTION_TABLE: u8 = 1;
const ACTION_BLACKHOLE: u8 = 6;
const HEADER_LENGTH: usize = 12;

/// The families' numbers in the headers of messages.
fn number_of(family: Family) -> u8 {
    match family {
        Family::Ipv4 => 2,
        Family::Ipv6 => 10,
    }
}

/// A rule of ours; the lowest priority that matches and whose table knows a route decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Each family has rules of its own.
    pub family: Family,
    pub priority: u32,
    /// Blocks of the rule's family.
    pub source: Option<IpCidr>,
    pub destination: Option<IpCidr>,
    /// `lo` stands for what the namespace itself sends.
    pub input_link: Option<String>,
    /// The mark of the packet.
    pub mark: Option<u32>,
    /// None drops the packet.
    pub table: Option<u32>,
}

pub fn add(batch: &mut Batch, rule: &Rule) {
    write(batch, "add a routing rule", NEW_RULE, FLAG_CREATE | FLAG_EXCLUSIVE, rule);
    batch.tolerating(&[errno::EXISTS]);
}

pub fn delete(batch: &mut Batch, rule: &Rule) {
    write(batch, "remove a routing rule", DELETE_RULE, 0, rule);
    batch.tolerating(&[errno::NO_ENTRY]);
}

pub fn list_ours(socket: &mut Socket) -> Result<Vec<Rule>, NetworkError> {
    let mut query = Batch::default();
    // Of no family: of all of them.
    query.message("list routing rules", GET_RULE, FLAG_DUMP, &[0; HEADER_LENGTH], |_| {});
    let answers = socket.query(query)?;
    Ok(answers.iter().filter_map(|answer| parse(answer.kind, &answer.body)).collect())
}

fn write(batch: &mut Batch, what: &'static str, kind: u16, flags: u16, rule: &Rule) {
    let mut header = [0; HEADER_LENGTH];
    header[0] = number_of(rule.family);
    header[1] = rule.destination.map_or(0, IpCidr::prefix);
    header[2] = rule.source.map_or(0, IpCidr::prefix);
    header[7] = if rule.table.is_some() { ACTION_TABLE } else { ACTION_BLACKHOLE };
    batch.message(what, kind, flags, &header, |attributes| {
        attributes.u32(ATTRIBUTE_PRIORITY, rule.priority);
        attributes.bytes(ATTRIBUTE_PROTOCOL, &[PROTOCOL_NEARGATE]);
        for (kind, cidr) in [(ATTRIBUTE_DESTINATION, rule.destination), (ATTRIBUTE_SOURCE, rule.source)] {
            if let Some(cidr) = cidr.filter(|cidr| cidr.prefix() > 0) {
                attributes.address(kind, cidr.network());
            }
        }
        if let Some(link) = &rule.input_link {
            attributes.text(ATTRIBUTE_INPUT_LINK, link);
        }
        if let Some(mark) = rule.mark {
            attributes.u32(ATTRIBUTE_MARK, mark);
        }
        if let Some(table) = rule.table {
            attributes.u32(ATTRIBUTE_TABLE, table);
        }
    });
}

fn parse(kind: u16, body: &[u8]) -> Option<Rule> {
    if kind != NEW_RULE {
        return None;
    }
    let number = *body.first()?;
    let family = [Family::Ipv4, Family::Ipv6].into_iter().find(|family| number_of(*family) == number)?;
    let (destination_prefix, source_prefix) = (*body.get(1)?, *body.get(2)?);
    let cidr = |address: Option<IpAddr>, prefix| {
        address.map(|address| match address {
            IpAddr::V4(address) => IpCidr::V4(Cidr { address, prefix }),
            IpAddr::V6(address) => IpCidr::V6(Ipv6Cidr { address, prefix }),
        })
    };
    let looks_up = *body.get(7)? == ACTION_TABLE;
    let mut rule = Rule {
        family,
        priority: 0,
        source: None,
        destination: None,
        input_link: None,
        mark: None,
        table: None,
    };
    let mut ours = false;
    for (kind, value) in attributes(body.get(HEADER_LENGTH..)?) {
        match kind {
            ATTRIBUTE_PROTOCOL => ours = value.first() == Some(&PROTOCOL_NEARGATE),
            ATTRIBUTE_PRIORITY => rule.priority = read_u32(value)?,
            ATTRIBUTE_SOURCE => rule.source = cidr(read_ip(value), source_prefix),
            ATTRIBUTE_DESTINATION => rule.destination = cidr(read_ip(value), destination_prefix),
            ATTRIBUTE_INPUT_LINK => rule.input_link = Some(read_text(value)),
            ATTRIBUTE_MARK => rule.mark = read_u32(value).filter(|mark| *mark != 0),
            ATTRIBUTE_TABLE if looks_up => rule.table = read_u32(value),
            _ => {}
        }
    }
    ours.then_some(rule)
}
