//! What the nodes have told to be in place: NAT gateways, interfaces of load balancers and VPC endpoints, peering connections,
//! flow logs. Dispatch alone writes it; states that AWS calls `available` or `active` are computed from it.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::Record;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InPlace {
    pub scope: Scope,
    /// Of the resource: `nat-…`, `vpce-…`, `pcx-…`, `fl-…`.
    pub id: String,
    /// Since when.
    pub at: Timestamp,
}

impl Record for InPlace {
    const TABLE: &'static str = "ec2-in-place";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }
}
