//! A route table and the subnets that use it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    pub scope: Scope,
    /// `rtb-` and 17 hexadecimal digits.
    pub id: String,
    pub vpc_id: String,
    pub routes: Vec<Route>,
    pub associations: Vec<RouteTableAssociation>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// An IPv4 block such as `0.0.0.0/0`, an IPv6 block such as `::/0`, or the id of a prefix list.
    #[serde(alias = "destination_cidr_block")]
    pub destination: String,
    pub target: RouteTarget,
    /// Whether it came with the table, as the local route does, and can't be removed.
    pub made_with_table: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteTarget {
    /// Inside the VPC.
    Local,
    InternetGateway(String),
    EgressOnlyInternetGateway(String),
    NatGateway(String),
    VpcPeeringConnection(String),
    NetworkInterface(String),
    /// A gateway endpoint; the destination is its service's prefix list.
    VpcEndpoint(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTableAssociation {
    /// `rtbassoc-` and 17 hexadecimal digits.
    pub id: String,
    /// None for the main association, which every subnet has that has no other.
    pub subnet_id: Option<String>,
}

impl RouteTarget {
    /// The id of what it leads to; none for the local route.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Local => None,
            Self::InternetGateway(id)
            | Self::EgressOnlyInternetGateway(id)
            | Self::NatGateway(id)
            | Self::VpcPeeringConnection(id)
            | Self::NetworkInterface(id)
            | Self::VpcEndpoint(id) => Some(id),
        }
    }
}

impl RouteTable {
    pub fn is_main(&self) -> bool {
        self.associations.iter().any(|association| association.subnet_id.is_none())
    }
}

impl Record for RouteTable {
    const TABLE: &'static str = "ec2-route-table";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink("vpc", self.scope.key(&self.vpc_id));
        for route in &self.routes {
            if route.destination.starts_with("pl-") {
                sink("prefix-list", self.scope.key(&route.destination));
            }
            if let Some(target) = route.target.id() {
                sink("target", self.scope.key(target));
            }
        }
        for association in &self.associations {
            sink("association", self.scope.key(&association.id));
            if let Some(subnet_id) = &association.subnet_id {
                sink("subnet", self.scope.key(subnet_id));
            }
        }
    }
}
