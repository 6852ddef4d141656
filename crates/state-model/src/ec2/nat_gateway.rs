//! A NAT gateway: the way out of subnets whose interfaces have no public addresses. Its state is computed, see
//! [`NatGateway::state`].

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::{IndexSink, Record};

/// How long one that is deleted or has failed is described: as on AWS, about an hour.
pub const SHOWN_AFTER_DELETION: Duration = Duration::from_secs(60 * 60);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatGateway {
    pub scope: Scope,
    /// `nat-` and 17 hexadecimal digits.
    pub id: String,
    pub vpc_id: String,
    pub subnet_id: String,
    pub network_interface_id: String,
    pub private_address: Ipv4Addr,
    /// None for connectivity type `private`.
    pub elastic_ip: Option<NatElasticIp>,
    pub created_at: Timestamp,
    /// When its deletion was asked for. It is shown for an hour more.
    pub deleted_at: Option<Timestamp>,
    /// Why it could not be made. It then has neither an interface nor an address, and counts as deleted from the start.
    #[serde(default)]
    pub failure: Option<NatGatewayFailure>,
    #[serde(default)]
    pub client_token: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatElasticIp {
    pub allocation_id: String,
    pub association_id: String,
    pub public_address: Ipv4Addr,
}

/// As AWS tells it: `Gateway.NotAttached` and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatGatewayFailure {
    pub code: String,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NatGatewayState {
    Pending,
    Failed,
    Available,
    Deleting,
    Deleted,
}

impl NatGateway {
    /// From what was asked for and whether the nodes have told that it is in place (`ec2/in_place.rs`).
    pub fn state(&self, in_place: bool) -> NatGatewayState {
        if self.failure.is_some() {
            return NatGatewayState::Failed;
        }
        match (self.deleted_at, in_place) {
            (None, false) => NatGatewayState::Pending,
            (None, true) => NatGatewayState::Available,
            (Some(_), true) => NatGatewayState::Deleting,
            (Some(_), false) => NatGatewayState::Deleted,
        }
    }
}

impl Record for NatGateway {
    const TABLE: &'static str = "ec2-nat-gateway";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink("vpc", self.scope.key(&self.vpc_id));
        sink("subnet", self.scope.key(&self.subnet_id));
        if let Some(token) = &self.client_token {
            sink("token", self.scope.key(token));
        }
    }
}
