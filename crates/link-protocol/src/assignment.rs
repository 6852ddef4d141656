//! A task for a node to run, with everything it needs to know.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use state_model::Scope;
use state_model::ec2::subnet::Ipv4Block;
use state_model::ecs::task::{Phase, TaskIntent};
use state_model::ecs::task_definition::TaskDefinition;

/// The identity of a task between control and node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskName {
    pub scope: Scope,
    pub cluster: String,
    pub id: String,
}

impl TaskName {
    pub fn of(intent: &TaskIntent) -> Self {
        Self { scope: intent.scope.clone(), cluster: intent.cluster.clone(), id: intent.id.clone() }
    }

    pub fn key(&self) -> String {
        state_model::ecs::task::task_key(&self.scope, &self.cluster, &self.id)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    pub generation: u64,
    pub intent: Arc<TaskIntent>,
    pub definition: Arc<TaskDefinition>,
    pub interface: Interface,
    /// How far an earlier session of the node had come: a task that was starting or running and of which the node finds
    /// nothing is lost, never started a second time.
    pub observed: Option<Phase>,
    /// The default of `mode` for log drivers that don't say it.
    pub log_mode_blocking: bool,
}

impl Assignment {
    pub fn name(&self) -> TaskName {
        TaskName::of(&self.intent)
    }

    /// The address of the VPC's resolver: the network's own address plus two.
    pub fn resolver(&self) -> Option<Ipv4Addr> {
        Ipv4Block::parse(&self.interface.vpc_cidr_block).map(|block| block.address(2))
    }

    /// Where the task asks for names, and what it adds to short ones: as the VPC's DHCP options say, or else the VPC's own.
    pub fn names(&self) -> NameOptions {
        let own_name = &self.interface.private_dns_name;
        let own = || NameOptions {
            servers: self.resolver().into_iter().collect(),
            domains: own_name.split_once('.').map(|(_, domain)| domain.to_owned()).into_iter().collect(),
        };
        self.interface.names.clone().unwrap_or_else(own)
    }
}

/// The task's network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    pub eni_id: String,
    pub vpc_id: String,
    /// The VPC's primary block, for example `172.31.0.0/16`.
    pub vpc_cidr_block: String,
    pub subnet_id: String,
    /// For example `172.31.16.0/20`.
    pub subnet_cidr_block: String,
    pub address: Ipv4Addr,
    pub mac_address: String,
    pub private_dns_name: String,
    pub security_groups: Vec<String>,
    /// The address by which the world knows it.
    #[serde(default)]
    pub public_address: Option<Ipv4Addr>,
    /// Addresses of the subnet's IPv6 block; the first one is what the task sends with. Empty without one.
    #[serde(default)]
    pub ipv6_addresses: Vec<Ipv6Addr>,
    /// The subnet's IPv6 block, for example `2001:db8:1234:1a00::/64`. None when the subnet has none.
    #[serde(default)]
    pub subnet_ipv6_cidr_block: Option<String>,
    /// What the VPC's DHCP options say of names; None where they say nothing.
    #[serde(default)]
    pub names: Option<NameOptions>,
}

/// Where a task asks for names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameOptions {
    /// In order. The VPC's resolver is named by its address.
    pub servers: Vec<Ipv4Addr>,
    /// The search domains.
    pub domains: Vec<String>,
}
