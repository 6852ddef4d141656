//! What the agent tells this crate: VPCs, interfaces, security groups. Plain data.

mod blocks;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(crate) use self::blocks::Family;
pub use self::blocks::{Cidr, IpCidr, Ipv6Cidr};
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

/// Where the IPv6 blocks of this host's VPCs come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ipv6Pool {
    pub cidr: Ipv6Cidr,
    /// Whether nobody beyond this host knows the way to these addresses, so that tasks speak with the host's.
    pub masquerade: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcConfig {
    pub id: String,
    /// The primary block first: its resolver is the VPC's.
    pub cidrs: Vec<Cidr>,
    /// Its part of the installation's IPv6 addresses, which no other VPC of the host may have. Without one there is no IPv6 in
    /// the VPC at all.
    pub ipv6_cidr: Option<Ipv6Cidr>,
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
            ipv6_cidr: None,
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
    /// A part of the VPC's IPv6 block.
    pub ipv6_cidr: Option<Ipv6Cidr>,
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
    pub destination: IpCidr,
    pub target: RouteTarget,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteTarget {
    /// Inside the VPC, or to an address of an endpoint's interface outside its blocks.
    Local,
    /// To the world: with IPv4 for interfaces with a public address, others are dropped; with IPv6 for every interface with an
    /// IPv6 address, and from the world as well.
    InternetGateway,
    /// To the world with IPv6, for what begins inside. No way for IPv4.
    EgressOnlyInternetGateway,
    /// By its id among the VPC's NAT gateways. No way for IPv6.
    NatGateway(String),
    /// By its id among the VPC's peerings.
    Peering(String),
    /// To the interface with this address; also for destinations of IPv6, if it has an IPv6 address.
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
    pub cidr: IpCidr,
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
    pub peer_cidrs: Vec<IpCidr>,
}

/// Address blocks that rules name by one id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixListConfig {
    pub id: String,
    pub cidrs: Vec<IpCidr>,
}

/// What one interface sent or received of one flow since it was last asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowCount {
    pub eni_id: String,
    /// Whether the interface received it.
    pub is_ingress: bool,
    pub accepted: bool,
    pub source: IpAddr,
    pub destination: IpAddr,
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
    /// Addresses of a subnet with an IPv6 block; the task sends with the first.
    pub ipv6_addresses: Vec<Ipv6Addr>,
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

/// Where a task sends its IPv6 packets: the outer end of its interface, which it knows by a fixed neighbour entry.
pub const IPV6_GATEWAY: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// What a task sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedEni {
    pub eni_id: String,
    pub interface: String,
    pub address: Ipv4Addr,
    pub subnet: Cidr,
    pub gateway: Ipv4Addr,
    /// As they were given; [`IPV6_GATEWAY`] is the way out for all of them.
    pub ipv6_addresses: Vec<Ipv6Addr>,
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
    pub remote_members: Vec<IpAddr>,
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
    /// Of IPv4 alone. `None` means every type, or every code of the type.
    Icmp {
        kind: Option<u8>,
        code: Option<u8>,
    },
    /// As `Icmp`, of IPv6 alone.
    Icmpv6 {
        kind: Option<u8>,
        code: Option<u8>,
    },
    /// Any other IP protocol by its number.
    Protocol(u8),
}

/// The other side of a rule: the source of ingress, the destination of egress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Peer {
    Cidr(IpCidr),
    Group(String),
    /// The prefix list with this id, see [`crate::Network::set_prefix_list`].
    PrefixList(String),
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
