//! The networks of a node's tasks.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use state_model::Scope;
use state_model::ec2::security_group::SecurityGroupRule;

/// Everything a node must know to carry the traffic of its tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSnapshot {
    pub vpcs: Vec<VpcSnapshot>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcSnapshot {
    pub scope: Scope,
    pub id: String,
    pub cidr_block: String,
    /// Of all its subnets.
    pub subnet_cidr_blocks: Vec<String>,
    pub groups: Vec<GroupSnapshot>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSnapshot {
    pub id: String,
    pub rules: Vec<SecurityGroupRule>,
    /// The addresses of the group's interfaces on other nodes; a node knows those of its own. Together they are what a
    /// reference to the group means.
    pub remote_members: Vec<Ipv4Addr>,
}
