//! An elastic network interface. Those of tasks are made by the placement loop and removed when their task has stopped;
//! those of load balancers are made and removed by the balancers loop.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

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
    /// The key of the task it belongs to; empty when it is a load balancer's.
    pub task_key: String,
    /// The key of the load balancer it belongs to.
    #[serde(default)]
    pub load_balancer_key: Option<String>,
    pub attachment_id: String,
    pub created_at: Timestamp,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
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
        sink("address", address_index_value(&self.scope, &self.subnet_id, self.address));
        sink("any-address", self.address.to_string());
        sink("subnet", self.scope.key(&self.subnet_id));
        sink("vpc", self.scope.key(&self.vpc_id));
        match &self.load_balancer_key {
            Some(load_balancer) => sink("load-balancer", load_balancer.clone()),
            None => sink("task", self.task_key.clone()),
        }
        for group in &self.security_groups {
            sink("security-group", self.scope.key(group));
        }
    }
}
