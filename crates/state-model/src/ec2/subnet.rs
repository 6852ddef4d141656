//! A subnet: one zone's part of a VPC.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::Scope;
use crate::ec2::vpc::BlockAssociation;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    pub scope: Scope,
    /// `subnet-` and 17 hexadecimal digits.
    pub id: String,
    pub vpc_id: String,
    /// For example `172.31.16.0/20`.
    pub cidr_block: String,
    pub availability_zone: String,
    pub availability_zone_id: String,
    pub default_for_az: bool,
    pub map_public_ip_on_launch: bool,
    /// A /64 of its VPC's IPv6 block.
    #[serde(default)]
    pub ipv6_block: Option<BlockAssociation>,
    #[serde(default)]
    pub assign_ipv6_address_on_creation: bool,
    /// What EC2 instances launched here would be named by; None is `ip-name`.
    #[serde(default)]
    pub hostname_type: Option<String>,
    #[serde(default)]
    pub enable_resource_name_dns_a_record: bool,
    #[serde(default)]
    pub enable_resource_name_dns_aaaa_record: bool,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Record for Subnet {
    const TABLE: &'static str = "ec2-subnet";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink("vpc", self.scope.key(&self.vpc_id));
        if let Some(block) = &self.ipv6_block {
            sink("association", self.scope.key(&block.id));
        }
    }
}

/// Addresses at the start of a subnet that no interface gets: network, router, resolver, reserve. The last one, the
/// broadcast address, is the fifth.
pub const RESERVED_FIRST: u32 = 4;

/// An IPv4 block in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Block {
    pub network: Ipv4Addr,
    pub prefix_length: u8,
}

impl Ipv4Block {
    /// Reads `a.b.c.d/n`; none when it isn't of that form or has bits set outside the prefix.
    pub fn parse(text: &str) -> Option<Self> {
        let (network, prefix_length) = text.split_once('/')?;
        let block = Self { network: network.parse().ok()?, prefix_length: prefix_length.parse().ok()? };
        let valid = block.prefix_length <= 32 && u32::from(block.network) & !block.mask() == 0;
        valid.then_some(block)
    }

    pub fn mask(self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix_length)).unwrap_or(0)
    }

    /// The number of addresses, all counted.
    pub fn size(self) -> u64 {
        1_u64 << (32 - u32::from(self.prefix_length))
    }

    pub fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & self.mask() == u32::from(self.network)
    }

    /// The address `offset` places after the network's own.
    pub fn address(self, offset: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.network).wrapping_add(offset))
    }

    /// The subnet's router: the first address after the network's own.
    pub fn router(self) -> Ipv4Addr {
        self.address(1)
    }

    /// How many interfaces fit: all but the five that AWS reserves.
    pub fn usable(self) -> u32 {
        u32::try_from(self.size().saturating_sub(u64::from(RESERVED_FIRST) + 1)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_know_their_addresses() {
        let block = Ipv4Block::parse("172.31.16.0/20").expect("a valid block");
        assert_eq!(block.usable(), 4091);
        assert_eq!(block.router(), Ipv4Addr::new(172, 31, 16, 1));
        assert!(block.contains(Ipv4Addr::new(172, 31, 31, 255)));
        assert!(!block.contains(Ipv4Addr::new(172, 31, 32, 0)));
        for bad in ["172.31.16.1/20", "172.31.0.0/33", "x/1", "1.2.3.4", ""] {
            assert_eq!(Ipv4Block::parse(bad), None, "{bad}");
        }
    }
}
