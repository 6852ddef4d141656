//! Blocks of addresses, of one family or of either.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::NetworkError;

/// An IPv4 network. The address is kept as given; [`Cidr::network`] is its first address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    pub address: Ipv4Addr,
    pub prefix: u8,
}

impl Cidr {
    pub fn mask(self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0)
    }

    pub fn network(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) & self.mask())
    }

    pub fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) | !self.mask())
    }

    pub fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & self.mask() == u32::from(self.network())
    }

    /// The address `index` places after the network's own: 1 is a subnet's gateway, 2 a VPC's resolver.
    pub fn nth(self, index: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.network()).wrapping_add(index))
    }
}

/// An IPv6 network, as [`Cidr`] is one of IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ipv6Cidr {
    pub address: Ipv6Addr,
    pub prefix: u8,
}

impl Ipv6Cidr {
    fn mask(self) -> u128 {
        u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0)
    }

    pub fn network(self) -> Ipv6Addr {
        Ipv6Addr::from(u128::from(self.address) & self.mask())
    }

    pub fn contains(self, address: Ipv6Addr) -> bool {
        u128::from(address) & self.mask() == u128::from(self.network())
    }

    /// The address `index` places after the network's own: 1 is what a subnet's router speaks with.
    pub fn nth(self, index: u32) -> Ipv6Addr {
        Ipv6Addr::from(u128::from(self.network()).wrapping_add(u128::from(index)))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    Ipv4,
    Ipv6,
}

/// A network of either family, where rules, routes and network ACLs name one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum IpCidr {
    V4(Cidr),
    V6(Ipv6Cidr),
}

impl IpCidr {
    /// Every IPv4 address.
    pub const EVERYWHERE_V4: Self = Self::V4(Cidr { address: Ipv4Addr::UNSPECIFIED, prefix: 0 });
    /// Every IPv6 address.
    pub const EVERYWHERE_V6: Self = Self::V6(Ipv6Cidr { address: Ipv6Addr::UNSPECIFIED, prefix: 0 });

    /// The block of one address.
    pub fn host(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(Cidr { address, prefix: 32 }),
            IpAddr::V6(address) => Self::V6(Ipv6Cidr { address, prefix: 128 }),
        }
    }

    pub fn family(self) -> Family {
        if matches!(self, Self::V4(_)) { Family::Ipv4 } else { Family::Ipv6 }
    }

    pub fn prefix(self) -> u8 {
        match self {
            Self::V4(cidr) => cidr.prefix,
            Self::V6(cidr) => cidr.prefix,
        }
    }

    pub fn network(self) -> IpAddr {
        match self {
            Self::V4(cidr) => cidr.network().into(),
            Self::V6(cidr) => cidr.network().into(),
        }
    }

    /// Never true of an address of the other family.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4(cidr), IpAddr::V4(address)) => cidr.contains(address),
            (Self::V6(cidr), IpAddr::V6(address)) => cidr.contains(address),
            _ => false,
        }
    }

    /// The same block with its first address.
    pub fn whole(self) -> Self {
        match self {
            Self::V4(cidr) => Self::V4(Cidr { address: cidr.network(), ..cidr }),
            Self::V6(cidr) => Self::V6(Ipv6Cidr { address: cidr.network(), ..cidr }),
        }
    }

    pub fn v4(self) -> Option<Cidr> {
        match self {
            Self::V4(cidr) => Some(cidr),
            Self::V6(_) => None,
        }
    }

    pub fn v6(self) -> Option<Ipv6Cidr> {
        match self {
            Self::V4(_) => None,
            Self::V6(cidr) => Some(cidr),
        }
    }
}

impl From<Cidr> for IpCidr {
    fn from(cidr: Cidr) -> Self {
        Self::V4(cidr)
    }
}

impl From<Ipv6Cidr> for IpCidr {
    fn from(cidr: Ipv6Cidr) -> Self {
        Self::V6(cidr)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.network(), self.prefix)
    }
}

impl fmt::Display for Ipv6Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.network(), self.prefix)
    }
}

impl fmt::Display for IpCidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(cidr) => cidr.fmt(formatter),
            Self::V6(cidr) => cidr.fmt(formatter),
        }
    }
}

fn parse<A: FromStr>(text: &str, prefix_max: u8) -> Option<(A, u8)> {
    let (address, prefix) = text.split_once('/')?;
    let prefix = prefix.parse().ok().filter(|prefix| *prefix <= prefix_max)?;
    Some((address.parse().ok()?, prefix))
}

fn wrong(text: &str) -> NetworkError {
    NetworkError::Identifier { kind: "CIDR block", value: text.to_owned() }
}

impl FromStr for Cidr {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = parse(text, 32).ok_or_else(|| wrong(text))?;
        Ok(Self { address, prefix })
    }
}

impl FromStr for Ipv6Cidr {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = parse(text, 128).ok_or_else(|| wrong(text))?;
        Ok(Self { address, prefix })
    }
}

impl FromStr for IpCidr {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains(':') { text.parse().map(Self::V6) } else { text.parse().map(Self::V4) }
    }
}

/// As text outside of this program.
macro_rules! is_written_as_text {
    ($($block:ty),*) => {$(
        impl TryFrom<String> for $block {
            type Error = NetworkError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$block> for String {
            fn from(block: $block) -> Self {
                block.to_string()
            }
        }
    )*};
}

is_written_as_text!(Cidr, Ipv6Cidr, IpCidr);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_computed() {
        let cidr: Cidr = "172.31.16.9/20".parse().unwrap();
        assert_eq!(cidr.to_string(), "172.31.16.0/20");
        assert_eq!(cidr.nth(1), Ipv4Addr::new(172, 31, 16, 1));
        assert_eq!(cidr.broadcast(), Ipv4Addr::new(172, 31, 31, 255));
        assert!(cidr.contains(Ipv4Addr::new(172, 31, 31, 1)));
        assert!(!cidr.contains(Ipv4Addr::new(172, 31, 32, 1)));
        assert!("0.0.0.0/0".parse::<Cidr>().unwrap().contains(Ipv4Addr::BROADCAST));
        for wrong in ["172.31.0.0", "172.31.0.0/33", "::/0", "a/8", ""] {
            assert!(wrong.parse::<Cidr>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn networks_of_ipv6_are_computed() {
        let cidr: Ipv6Cidr = "2001:db8:1:1aff::9/56".parse().unwrap();
        assert_eq!(cidr.to_string(), "2001:db8:1:1a00::/56");
        assert_eq!(cidr.nth(1).to_string(), "2001:db8:1:1a00::1");
        assert!(cidr.contains("2001:db8:1:1a01::4".parse().unwrap()));
        assert!(!cidr.contains("2001:db8:1:1b00::4".parse().unwrap()));
        assert!("::/0".parse::<Ipv6Cidr>().unwrap().contains(Ipv6Addr::LOCALHOST));
        assert_eq!("::1/128".parse::<Ipv6Cidr>().unwrap().network(), Ipv6Addr::LOCALHOST);
        for wrong in ["::1", "::/129", "10.0.0.0/8", "x::/8", ""] {
            assert!(wrong.parse::<Ipv6Cidr>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_family_never_holds_addresses_of_the_other() {
        let (v4, v6): (IpCidr, IpCidr) = ("0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap());
        assert_eq!((v4, v6), (IpCidr::EVERYWHERE_V4, IpCidr::EVERYWHERE_V6));
        assert!(v4.contains(Ipv4Addr::LOCALHOST.into()) && !v4.contains(Ipv6Addr::LOCALHOST.into()));
        assert!(v6.contains(Ipv6Addr::LOCALHOST.into()) && !v6.contains(Ipv4Addr::LOCALHOST.into()));
        let text = serde_json::to_string(&IpCidr::host(Ipv6Addr::LOCALHOST.into())).unwrap();
        assert_eq!(text, "\"::1/128\"");
        assert_eq!(serde_json::from_str::<IpCidr>(&text).unwrap(), IpCidr::host(Ipv6Addr::LOCALHOST.into()));
    }
}
