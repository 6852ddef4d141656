//! The networks of a node's tasks.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use state_model::Scope;
use state_model::ec2::flow_log::FlowLogTraffic;
use state_model::ec2::network_acl::NetworkAclEntry;
use state_model::ec2::security_group::{SecurityGroup, SecurityGroupRule};

use crate::assignment::Interface;

/// Everything a node must know to carry the traffic of its tasks and of its balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSnapshot {
    pub vpcs: Vec<VpcSnapshot>,
    /// The interfaces of load balancers: each gets a namespace of its own, which outlives the server.
    #[serde(default)]
    pub edges: Vec<Interface>,
    /// The ids of those among them that speak for their clients, whose addresses targets are to see.
    #[serde(default)]
    pub fronts: BTreeSet<String>,
    /// Addresses that the host takes while load balancers use them. None where it has them by itself, as on loopback.
    #[serde(default)]
    pub host_addresses: BTreeSet<Ipv4Addr>,
    /// Where the IPv6 blocks of VPCs come from. None as long as no VPC has one.
    #[serde(default)]
    pub ipv6_pool: Option<Ipv6PoolSnapshot>,
}

/// The installation's IPv6 addresses. They are unique, so nothing between a VPC and the host translates them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ipv6PoolSnapshot {
    /// Every VPC's block is a part of it.
    pub cidr_block: String,
    /// Whether the world beyond the host has no way back to these addresses, so that what leaves the host leaves it with the
    /// host's own address. Only the host and other VPCs can then begin a connection to one of them.
    pub masquerade: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcSnapshot {
    pub scope: Scope,
    pub id: String,
    /// The primary block first.
    pub cidr_blocks: Vec<String>,
    /// A /56 of the installation's pool.
    #[serde(default)]
    pub ipv6_cidr_block: Option<String>,
    pub subnets: Vec<SubnetSnapshot>,
    pub route_tables: Vec<RouteTableSnapshot>,
    pub network_acls: Vec<NetworkAclSnapshot>,
    pub nat_gateways: Vec<NatGatewaySnapshot>,
    /// Those that are active.
    pub peering_connections: Vec<PeeringSnapshot>,
    pub endpoints: Vec<EndpointSnapshot>,
    pub flow_logs: Vec<FlowLogSnapshot>,
    pub groups: Vec<GroupSnapshot>,
    /// Those that rules of the groups name.
    pub prefix_lists: Vec<PrefixListSnapshot>,
    /// What the VPC's resolver answers for names of load balancers.
    #[serde(default)]
    pub names: Vec<NameSnapshot>,
    /// The attribute `enableDnsSupport`: without it the VPC has no resolver.
    pub dns_support: bool,
    /// The attribute `enableDnsHostnames`: with it public names are known.
    pub dns_hostnames: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetSnapshot {
    pub id: String,
    pub cidr_block: String,
    /// A /64 of the VPC's block.
    #[serde(default)]
    pub ipv6_cidr_block: Option<String>,
    /// For example `use1-az1`.
    #[serde(default)]
    pub availability_zone_id: String,
    pub route_table_id: String,
    pub network_acl_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTableSnapshot {
    pub id: String,
    pub routes: Vec<RouteSnapshot>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteSnapshot {
    /// An IPv4 or IPv6 block: prefix lists are spelled out.
    pub destination: String,
    pub target: RouteTargetSnapshot,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteTargetSnapshot {
    Local,
    InternetGateway,
    EgressOnlyInternetGateway,
    /// By its id among the VPC's NAT gateways.
    NatGateway(String),
    /// By its id among the VPC's peering connections.
    Peering(String),
    /// The interface of this VPC with this private address, for destinations of either family.
    Interface(Ipv4Addr),
    /// By its id among the VPC's endpoints.
    Endpoint(String),
    Blackhole,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAclSnapshot {
    pub id: String,
    /// In any order: their numbers decide.
    pub entries: Vec<NetworkAclEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatGatewaySnapshot {
    pub id: String,
    pub eni_id: String,
    pub subnet_id: String,
    pub private_address: Ipv4Addr,
    /// None for a private NAT gateway.
    pub public_address: Option<Ipv4Addr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeeringSnapshot {
    pub id: String,
    pub peer_vpc_id: String,
    /// Of both families.
    pub peer_cidr_blocks: Vec<String>,
}

/// A VPC endpoint: the node listens at its interfaces, in namespaces of their own, as for load balancers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSnapshot {
    pub id: String,
    /// `ecs`, `ecr.dkr`, `s3`, …
    pub service: String,
    pub interfaces: Vec<Interface>,
    /// The names that lead to it inside the VPC.
    pub names: Vec<NameSnapshot>,
    pub policy_document: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowLogSnapshot {
    pub id: String,
    /// `vpc-…`, `subnet-…` or `eni-…`.
    pub resource_id: String,
    pub traffic: FlowLogTraffic,
    pub log_group_name: String,
    pub log_format: String,
    pub max_aggregation_interval_secs: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixListSnapshot {
    pub id: String,
    /// All of one family, as the list's is.
    pub cidr_blocks: Vec<String>,
}

/// A name of the installation's domain and its addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameSnapshot {
    pub name: String,
    pub addresses: Vec<Ipv4Addr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSnapshot {
    pub id: String,
    /// Its record as control has it, so that a snapshot shares the rules rather than copying them. None when no interface of
    /// the VPC can be in it: it is gone, or a peered VPC's.
    pub group: Option<Arc<SecurityGroup>>,
    /// The addresses of the group's interfaces on other nodes and in peered VPCs; a node knows those of its own VPC. Together
    /// they are what a reference to the group means.
    pub remote_members: Vec<Ipv4Addr>,
    /// The same interfaces' IPv6 addresses.
    #[serde(default)]
    pub remote_members_v6: Vec<Ipv6Addr>,
}

impl GroupSnapshot {
    pub fn rules(&self) -> &[SecurityGroupRule] {
        self.group.as_ref().map_or(&[], |group| &group.rules)
    }
}
