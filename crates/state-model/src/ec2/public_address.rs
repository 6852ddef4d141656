//! Who has an address of the public pool. The key is the address, so that two can't have one.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAddress {
    pub address: Ipv4Addr,
    /// The account and region of its owner.
    pub scope: Scope,
    pub owner: PublicAddressOwner,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PublicAddressOwner {
    /// The Elastic IP address with this allocation id.
    ElasticIp(String),
    /// The interface with this id, which got it when it was made.
    Interface(String),
    /// The load balancer with this path, `app/<name>/<id>`.
    LoadBalancer(String),
}

impl Record for PublicAddress {
    const TABLE: &'static str = "ec2-public-address";

    fn key(&self) -> String {
        self.address.to_string()
    }

    fn index(&self, sink: IndexSink<'_>) {
        let owner = match &self.owner {
            PublicAddressOwner::ElasticIp(id)
            | PublicAddressOwner::Interface(id)
            | PublicAddressOwner::LoadBalancer(id) => id,
        };
        sink("owner", self.scope.key(owner));
    }
}
