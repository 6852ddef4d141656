//! An IPv6 block in numbers.

use std::fmt;
use std::net::Ipv6Addr;

/// `2001:db8::/56`: a network's address, without bits beside its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ipv6Block {
    pub network: Ipv6Addr,
    pub prefix_length: u8,
}

/// What a VPC gets.
pub const VPC_PREFIX_LENGTH: u8 = 56;

/// What a subnet gets.
pub const SUBNET_PREFIX_LENGTH: u8 = 64;

/// Addresses at the start of a subnet that no interface gets, as for IPv4; the last one is kept as well.
pub const IPV6_RESERVED_FIRST: u128 = 4;

impl Ipv6Block {
    /// The block of this length that the address lies in.
    pub fn around(address: Ipv6Addr, prefix_length: u8) -> Self {
        let network = Ipv6Addr::from(u128::from(address) & mask(prefix_length));
        Self { network, prefix_length }
    }

    /// Reads `2001:db8::/56`; none when it isn't of that form or has bits set outside the prefix.
    pub fn parse(text: &str) -> Option<Self> {
        let block = Self::parse_loosely(text)?;
        let (address, _) = text.split_once('/')?;
        (address.parse() == Ok(block.network)).then_some(block)
    }

    /// As [`Self::parse`], with the bits outside the prefix cleared: how AWS takes blocks.
    pub fn parse_loosely(text: &str) -> Option<Self> {
        let (address, prefix_length) = text.split_once('/')?;
        let is_number = !prefix_length.is_empty() && prefix_length.bytes().all(|byte| byte.is_ascii_digit());
        let prefix_length: u8 = prefix_length.parse().ok().filter(|length| is_number && *length <= 128)?;
        Some(Self::around(address.parse().ok()?, prefix_length))
    }

    pub fn contains(self, address: Ipv6Addr) -> bool {
        Self::around(address, self.prefix_length) == self
    }

    /// Whether every address of it is one of `outer`.
    pub fn is_within(self, outer: Self) -> bool {
        self.prefix_length >= outer.prefix_length && outer.contains(self.network)
    }

    /// The address `offset` places after the network's own.
    pub fn address(self, offset: u128) -> Ipv6Addr {
        Ipv6Addr::from(u128::from(self.network).wrapping_add(offset))
    }

    /// The last address.
    pub fn last(self) -> Ipv6Addr {
        Ipv6Addr::from(u128::from(self.network) | !mask(self.prefix_length))
    }

    /// How many blocks of `prefix_length` it holds; none when they are larger than itself.
    pub fn blocks(self, prefix_length: u8) -> u128 {
        let bits = prefix_length.checked_sub(self.prefix_length).map(u32::from);
        bits.map_or(0, |bits| 1_u128.checked_shl(bits).unwrap_or(u128::MAX))
    }

    /// The block of `prefix_length` in it, counted from 0.
    pub fn block(self, prefix_length: u8, index: u128) -> Self {
        let offset = index.checked_shl(128 - u32::from(prefix_length)).unwrap_or(0);
        Self { network: self.address(offset), prefix_length }
    }
}

fn mask(prefix_length: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(prefix_length)).unwrap_or(0)
}

impl fmt::Display for Ipv6Block {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.network, self.prefix_length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Ipv6Block {
        Ipv6Block::parse(text).expect("a block")
    }

    #[test]
    fn blocks_have_one_form() {
        for (given, form) in [
            ("2001:DB8:0::1/32", "2001:db8::/32"),
            ("::/0", "::/0"),
            ("1::1/0", "::/0"),
            ("fd00::1/128", "fd00::1/128"),
        ] {
            assert_eq!(Ipv6Block::parse_loosely(given).map(|block| block.to_string()).as_deref(), Some(form));
        }
        for wrong in ["", "::", "::/", "::/129", "::/+8", "10.0.0.0/8", "x::/8"] {
            assert_eq!(Ipv6Block::parse_loosely(wrong), None, "{wrong}");
        }
        assert_eq!(Ipv6Block::parse("2001:db8::1/32"), None);
    }

    #[test]
    fn blocks_lie_in_each_other() {
        let pool = block("2001:db8::/48");
        assert_eq!(pool.blocks(VPC_PREFIX_LENGTH), 256);
        assert_eq!(pool.block(VPC_PREFIX_LENGTH, 255).to_string(), "2001:db8:0:ff00::/56");
        assert_eq!(pool.blocks(40), 0);
        assert!(block("2001:db8:0:ff00::/56").is_within(pool));
        assert!(!pool.is_within(block("2001:db8:0:ff00::/56")));
        assert!(!block("2001:db8:1::/56").is_within(pool));
        assert_eq!(block("2001:db8:0:1::/64").last().to_string(), "2001:db8:0:1:ffff:ffff:ffff:ffff");
    }
}
