//! What the agent tells this crate: VPCs, interfaces, security groups. Plain data.

use std::fmt;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::NetworkError;
use crate::limits;
use crate::ready::TaskNamespace;

/// How [`crate::Network`] behaves on this node.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// Prepared task namespaces kept per VPC. Each costs a quarter of a MiB of kernel memory.
    pub ready_namespaces_per_vpc: usize,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self { ready_namespaces_per_vpc: 4 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcConfig {
    pub id: String,
    /// The primary block first: its resolver is the VPC's.
    pub cidrs: Vec<Cidr>,
    /// The subnets whose interfaces may be attached here; each one's gateway answers in the VPC.
    pub subnets: Vec<SubnetConfig>,
    pub route_tables: Vec<RouteTableConfig>,
    pub acls: Vec<AclConfig>,
    pub nat_gateways: Vec<NatGatewayConfig>,
    pub peerings: Vec<PeeringConfig>,
    /// Whether what interfaces send and receive is counted by flow.
    pub counts_flows: bool,
}

impl VpcConfig {
    /// A VPC whose subnets have no way out and no network ACL that refuses anything.
    pub fn isolated(id: String, cidrs: Vec<Cidr>, subnets: Vec<SubnetConfig>) -> Self {
        Self {
            id,
            cidrs,
            subnets,
            route_tables: Vec::new(),
            acls: Vec::new(),
            nat_gateways: Vec::new(),
            peerings: Vec::new(),
            counts_flows: false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetConfig {
    pub id: String,
    pub cidr: Cidr,
    /// Ids among the VPC's own. Without a table a subnet has the local routes alone; without an ACL everything passes.
    pub route_table: Option<String>,
    pub acl: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTableConfig {
    pub id: String,
    /// The longest destination that matches decides. The VPC's own blocks are always local.
    pub routes: Vec<RouteConfig>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteConfig {
    pub destination: Cidr,
    pub target: RouteTarget,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteTarget {
    /// Inside the VPC, or to an address of an endpoint's interface outside its blocks.
    Local,
    /// To the world, for interfaces with a public address; others are dropped.
    InternetGateway,
    /// By its id among the VPC's NAT gateways.
    NatGateway(String),
    /// By its id among the VPC's peerings.
    Peering(String),
    /// To the interface with this address.
    Interface(Ipv4Addr),
    Blackhole,
}

/// A network ACL: the lowest number that matches decides, for each packet on its own; what nothing matches is dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclConfig {
    pub id: String,
    /// In the order of their numbers.
    pub ingress: Vec<AclEntry>,
    pub egress: Vec<AclEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclEntry {
    pub traffic: Traffic,
    /// The source of ingress, the destination of egress.
    pub cidr: Cidr,
    pub allows: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatGatewayConfig {
    pub id: String,
    /// Its own subnet, whose route table decides where its packets go.
    pub subnet: String,
    pub private_address: Ipv4Addr,
    /// None for one that only translates to its private address, on the way to a peering.
    pub public_address: Option<Ipv4Addr>,
}

/// A link to another VPC of this node. It works when both VPCs are configured with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeeringConfig {
    pub id: String,
    pub peer_vpc_id: String,
    pub peer_cidrs: Vec<Cidr>,
}

/// Address blocks that rules name by one id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixListConfig {
    pub id: String,
    pub cidrs: Vec<Cidr>,
}

/// What one interface sent or received of one flow since it was last asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowCount {
    pub eni_id: String,
    /// Whether the interface received it.
    pub is_ingress: bool,
    pub accepted: bool,
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    /// 0 for protocols without ports.
    pub source_port: u16,
    pub destination_port: u16,
    pub protocol: u8,
    pub packets: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EniConfig {
    pub eni_id: String,
    pub vpc_id: String,
    pub subnet: Cidr,
    pub address: Ipv4Addr,
    pub mac: MacAddress,
    /// Security group ids. A group whose rules have not arrived yet allows nothing.
    pub groups: Vec<String>,
    /// When false, the interface may send with addresses that are not its own.
    pub source_dest_check: bool,
    /// The address of the public pool that leads to it, and that the world sees of it.
    pub public_address: Option<Ipv4Addr>,
}

/// Where the inner end of an interface belongs.
#[derive(Clone, Debug)]
pub enum NetnsTarget {
    /// From [`crate::Network::acquire_namespace`]: the fast path.
    Ready(Arc<TaskNamespace>),
    /// The network namespace of a running process.
    Process(u32),
    /// A bind mount, or `/proc/<pid>/fd/<n>`.
    Path(PathBuf),
    Descriptor(Arc<OwnedFd>),
}

/// What a task sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedEni {
    pub eni_id: String,
    pub interface: String,
    pub address: Ipv4Addr,
    pub subnet: Cidr,
    pub gateway: Ipv4Addr,
    pub mac: MacAddress,
    /// The address of the VPC's resolver.
    pub resolver: Ipv4Addr,
}

/// One security group as this node enforces it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRules {
    pub id: String,
    pub ingress: Vec<GroupRule>,
    pub egress: Vec<GroupRule>,
    /// Addresses of members that live on other nodes; the members of this node are known here.
    pub remote_members: Vec<Ipv4Addr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRule {
    pub traffic: Traffic,
    pub peer: Peer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Traffic {
    All,
    Tcp {
        from_port: u16,
        to_port: u16,
    },
    Udp {
        from_port: u16,
        to_port: u16,
    },
    /// `None` means every type, or every code of the type.
    Icmp {
        kind: Option<u8>,
        code: Option<u8>,
    },
    /// Any other IP protocol by its number.
    Protocol(u8),
}

/// The other side of a rule: the source of ingress, the destination of egress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Peer {
    Cidr(Cidr),
    Group(String),
    /// The prefix list with this id, see [`crate::Network::set_prefix_list`].
    PrefixList(String),
}

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

impl fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.network(), self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NetworkError::Identifier { kind: "CIDR block", value: text.to_owned() };
        let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let address = address.parse().map_err(|_| wrong())?;
        let prefix: u8 = prefix.parse().map_err(|_| wrong())?;
        if prefix > 32 { Err(wrong()) } else { Ok(Self { address, prefix }) }
    }
}

impl TryFrom<String> for Cidr {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(formatter, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

impl FromStr for MacAddress {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NetworkError::Identifier { kind: "MAC address", value: text.to_owned() };
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part =
                parts.next().filter(|part| part.len() == 2 && !part.starts_with('+')).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| wrong())?;
        }
        // A multicast address can't be an interface's own.
        if parts.next().is_some() || bytes[0] & 1 == 1 { Err(wrong()) } else { Ok(Self(bytes)) }
    }
}

impl TryFrom<String> for MacAddress {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MacAddress> for String {
    fn from(mac: MacAddress) -> Self {
        mac.to_string()
    }
}

/// Identifiers become file names and parts of nftables commands, so nothing but this passes.
pub(crate) fn check_identifier(kind: &'static str, value: &str) -> Result<(), NetworkError> {
    let fits = (1..=limits::IDENTIFIER_LENGTH_MAX).contains(&value.len());
    let plain = value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if fits && plain && !value.starts_with('-') {
        Ok(())
    } else {
        Err(NetworkError::Identifier { kind, value: value.to_owned() })
    }
}

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
    fn mac_addresses_are_checked() {
        assert_eq!("0a:1b:2c:3d:4e:5f".parse::<MacAddress>().unwrap().to_string(), "0a:1b:2c:3d:4e:5f");
        for wrong in ["01:00:00:00:00:00", "0a:1b:2c:3d:4e", "0a:1b:2c:3d:4e:5f:60", "0a:1b:2c:3d:4e:+f", ""]
        {
            assert!(wrong.parse::<MacAddress>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn identifiers_can_not_leave_their_place() {
        assert!(check_identifier("group", "sg-0123456789abcdef0").is_ok());
        for wrong in ["", "..", "a/b", "-a", "sg 1", "sg;flush ruleset", "SG-1"] {
            assert!(check_identifier("group", wrong).is_err(), "{wrong}");
        }
    }
}
