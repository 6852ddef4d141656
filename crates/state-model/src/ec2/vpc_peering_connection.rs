//! A peering connection: two VPCs with different addresses that reach each other by routes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::{IndexSink, Record};

/// Kept under the requester's account and region; found from the accepter's by the index `vpc`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcPeeringConnection {
    pub scope: Scope,
    /// `pcx-` and 17 hexadecimal digits.
    pub id: String,
    pub requester: PeeredVpc,
    pub accepter: PeeredVpc,
    pub status: PeeringStatus,
    pub created_at: Timestamp,
    /// When the status last changed: a request expires after seven days, an ended connection is shown for two hours.
    pub changed_at: Timestamp,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeeredVpc {
    pub scope: Scope,
    pub vpc_id: String,
    /// Whether the other side resolves this side's public names to private addresses.
    #[serde(default)]
    pub allow_dns_resolution: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeeringStatus {
    PendingAcceptance,
    Active,
    Rejected,
    /// By the requester's or the accepter's side.
    Deleted,
}

impl VpcPeeringConnection {
    /// The side that is not `vpc_id`, when `vpc_id` is one of them.
    pub fn other_side(&self, vpc_id: &str) -> Option<&PeeredVpc> {
        match () {
            () if self.requester.vpc_id == vpc_id => Some(&self.accepter),
            () if self.accepter.vpc_id == vpc_id => Some(&self.requester),
            () => None,
        }
    }
}

impl Record for VpcPeeringConnection {
    const TABLE: &'static str = "ec2-vpc-peering-connection";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        for side in [&self.requester, &self.accepter] {
            sink("vpc", side.scope.key(&side.vpc_id));
            sink("id", side.scope.key(&self.id));
        }
    }
}
