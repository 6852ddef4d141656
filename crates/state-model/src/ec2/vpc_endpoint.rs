//! A VPC endpoint: an AWS API of this installation, reachable privately. An interface endpoint has an interface in each of its
//! subnets; a gateway endpoint is the target of routes to its service's prefix list.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcEndpoint {
    pub scope: Scope,
    /// `vpce-` and 17 hexadecimal digits.
    pub id: String,
    pub vpc_id: String,
    /// `com.amazonaws.<region>.<service>`.
    pub service_name: String,
    pub kind: VpcEndpointKind,
    /// The policy of what may be called by it; None for everything.
    pub policy_document: Option<String>,
    pub created_at: Timestamp,
    /// When its deletion was asked for: the record goes when no node has it any more.
    pub deleted_at: Option<Timestamp>,
    #[serde(default)]
    pub client_token: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VpcEndpointKind {
    Interface {
        /// Subnet id to interface id, at most one subnet per zone.
        interfaces: BTreeMap<String, String>,
        security_groups: Vec<String>,
        /// Whether the service's ordinary name leads to the endpoint inside the VPC.
        private_dns_enabled: bool,
    },
    /// Its routes are in the route tables themselves.
    Gateway { route_table_ids: Vec<String> },
}

impl VpcEndpoint {
    /// `s3` of `com.amazonaws.us-east-1.s3`.
    pub fn service(&self) -> &str {
        self.service_name.splitn(4, '.').nth(3).unwrap_or_default()
    }
}

impl Record for VpcEndpoint {
    const TABLE: &'static str = "ec2-vpc-endpoint";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink("vpc", self.scope.key(&self.vpc_id));
        match &self.kind {
            VpcEndpointKind::Interface { interfaces, security_groups, .. } => {
                interfaces.keys().for_each(|subnet| sink("subnet", self.scope.key(subnet)));
                security_groups.iter().for_each(|group| sink("security-group", self.scope.key(group)));
            }
            VpcEndpointKind::Gateway { route_table_ids } => {
                route_table_ids.iter().for_each(|table| sink("route-table", self.scope.key(table)));
            }
        }
        if let Some(token) = &self.client_token {
            sink("token", self.scope.key(token));
        }
    }
}
