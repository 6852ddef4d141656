//! An elastic network interface. Those of tasks are made by the placement loop and removed when their task has stopped;
//! those of load balancers are made and removed by the balancers loop; those of NAT gateways and of VPC endpoints come and go
//! with them, in the transactions of their operations; the others are their users'.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkInterface {
    pub scope: Scope,
    /// `eni-` and 17 hexadecimal digits.
    pub id: String,
    pub vpc_id: String,
    pub subnet_id: String,
    pub availability_zone: String,
    pub address: Ipv4Addr,
    pub mac_address: String,
    pub private_dns_name: String,
    /// Of a task: `arn:aws:ecs:<region>:<account>:attachment/<uuid>`.
    pub description: String,
    /// Ids.
    pub security_groups: Vec<String>,
    /// The key of the task it belongs to; empty when it is no task's.
    pub task_key: String,
    /// The key of the load balancer it belongs to.
    #[serde(default)]
    pub load_balancer_key: Option<String>,
    /// The id of the NAT gateway it belongs to.
    #[serde(default)]
    pub nat_gateway_id: Option<String>,
    /// The id of the VPC endpoint it belongs to.
    #[serde(default)]
    pub vpc_endpoint_id: Option<String>,
    /// The public address it was given when it was made, for as long as it lives. An Elastic IP's is the address's own record,
    /// a load balancer's its placement.
    #[serde(default)]
    pub public_address: Option<Ipv4Addr>,
    /// Addresses of the subnet beside the primary one.
    #[serde(default)]
    pub secondary_addresses: Vec<Ipv4Addr>,
    /// Of the subnet's IPv6 block. An installation has each once, since no two VPCs share a block.
    #[serde(default)]
    pub ipv6_addresses: Vec<Ipv6Addr>,
    /// When false, it may send and get packets with addresses that aren't its own.
    #[serde(default = "source_dest_check_default")]
    pub source_dest_check: bool,
    pub attachment_id: String,
    pub created_at: Timestamp,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

fn source_dest_check_default() -> bool {
    true
}

/// Whose an interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfaceOwner<'a> {
    /// The task with this key.
    Task(&'a str),
    /// The load balancer with this key.
    LoadBalancer(&'a str),
    /// The NAT gateway with this id.
    NatGateway(&'a str),
    /// The VPC endpoint with this id.
    VpcEndpoint(&'a str),
    /// Nobody's: made by CreateNetworkInterface.
    User,
}

impl NetworkInterface {
    pub fn owner(&self) -> InterfaceOwner<'_> {
        match (&self.load_balancer_key, &self.nat_gateway_id, &self.vpc_endpoint_id) {
            (Some(key), _, _) => InterfaceOwner::LoadBalancer(key),
            (_, Some(id), _) => InterfaceOwner::NatGateway(id),
            (_, _, Some(id)) => InterfaceOwner::VpcEndpoint(id),
            _ if self.task_key.is_empty() => InterfaceOwner::User,
            _ => InterfaceOwner::Task(&self.task_key),
        }
    }

    /// All its private IPv4 addresses, the primary one first.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        std::iter::once(self.address).chain(self.secondary_addresses.iter().copied())
    }
}

/// The index value that makes an address unique within its subnet.
pub fn address_index_value(scope: &Scope, subnet_id: &str, address: Ipv4Addr) -> String {
    scope.key(&format!("{subnet_id}/{address}"))
}

impl Record for NetworkInterface {
    const TABLE: &'static str = "ec2-network-interface";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        for address in self.addresses() {
            sink("address", address_index_value(&self.scope, &self.subnet_id, address));
            sink("any-address", address.to_string());
        }
        for address in &self.ipv6_addresses {
            sink("ipv6-address", address.to_string());
        }
        sink("subnet", self.scope.key(&self.subnet_id));
        sink("vpc", self.scope.key(&self.vpc_id));
        match self.owner() {
            InterfaceOwner::Task(task) => sink("task", task.to_owned()),
            InterfaceOwner::LoadBalancer(load_balancer) => sink("load-balancer", load_balancer.to_owned()),
            InterfaceOwner::NatGateway(id) => sink("nat-gateway", self.scope.key(id)),
            InterfaceOwner::VpcEndpoint(id) => sink("vpc-endpoint", self.scope.key(id)),
            InterfaceOwner::User => {}
        }
        for group in &self.security_groups {
            sink("security-group", self.scope.key(group));
        }
    }
}
