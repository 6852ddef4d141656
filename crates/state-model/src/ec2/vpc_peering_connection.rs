//! A peering connection: two VPCs with different addresses that reach each other by routes.

use std::collections::BTreeMap;
use std::time::Duration;

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
    /// The account that deleted it.
    #[serde(default)]
    pub deleted_by: Option<String>,
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

/// How long a request waits to be accepted.
pub const REQUEST_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long a connection is shown that was rejected, deleted, or failed.
pub const ENDED_KEPT: Duration = Duration::from_secs(2 * 3600);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeeringStatus {
    PendingAcceptance,
    /// It could never be: the other VPC doesn't exist, or addresses overlap.
    Failed,
    /// Nobody accepted it in time. Computed from `PendingAcceptance`, never stored.
    Expired,
    Active,
    Rejected,
    /// By the requester's or the accepter's side.
    Deleted,
}

impl VpcPeeringConnection {
    /// The status at `now`: a request expires by itself.
    pub fn status_at(&self, now: Timestamp) -> PeeringStatus {
        match self.status {
            PeeringStatus::PendingAcceptance if self.expires_at() <= now => PeeringStatus::Expired,
            status => status,
        }
    }

    pub fn is_active(&self) -> bool {
        self.status == PeeringStatus::Active
    }

    pub fn expires_at(&self) -> Timestamp {
        self.created_at.plus(REQUEST_KEPT)
    }

    /// When it is shown no longer; None while it may still come to be, or is.
    pub fn forgotten_at(&self, now: Timestamp) -> Option<Timestamp> {
        match self.status_at(now) {
            PeeringStatus::PendingAcceptance | PeeringStatus::Active => None,
            PeeringStatus::Expired => Some(self.expires_at().plus(ENDED_KEPT)),
            PeeringStatus::Failed | PeeringStatus::Rejected | PeeringStatus::Deleted => {
                Some(self.changed_at.plus(ENDED_KEPT))
            }
        }
    }

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
