//! The networks of a node's tasks.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use state_model::Scope;
use state_model::ec2::security_group::SecurityGroupRule;

use crate::assignment::Interface;

/// Everything a node must know to carry the traffic of its tasks and of its balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSnapshot {
    pub vpcs: Vec<VpcSnapshot>,
    /// The interfaces of load balancers: each gets a namespace of its own, which outlives the server.
    #[serde(default)]
    pub edges: Vec<Interface>,
    /// Addresses that the host takes while load balancers use them. None where it has them by itself, as on loopback.
    #[serde(default)]
    pub host_addresses: BTreeSet<Ipv4Addr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcSnapshot {
    pub scope: Scope,
    pub id: String,
    pub cidr_block: String,
    /// Of all its subnets.
    pub subnet_cidr_blocks: Vec<String>,
    pub groups: Vec<GroupSnapshot>,
    /// What the VPC's resolver answers for names of load balancers.
    #[serde(default)]
    pub names: Vec<NameSnapshot>,
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
    pub rules: Vec<SecurityGroupRule>,
    /// The addresses of the group's interfaces on other nodes; a node knows those of its own. Together they are what a
    /// reference to the group means.
    pub remote_members: Vec<Ipv4Addr>,
}
