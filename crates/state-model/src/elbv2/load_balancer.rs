//! A load balancer: what was asked for, where it was placed, and what its balancer reports.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoadBalancerKind {
    Application,
    Network,
}

impl LoadBalancerKind {
    /// As `Type` tells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            LoadBalancerKind::Application => "application",
            LoadBalancerKind::Network => "network",
        }
    }

    /// As ARNs and metrics name it.
    pub const fn prefix(self) -> &'static str {
        match self {
            LoadBalancerKind::Application => "app",
            LoadBalancerKind::Network => "net",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scheme {
    InternetFacing,
    Internal,
}

impl Scheme {
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::InternetFacing => "internet-facing",
            Scheme::Internal => "internal",
        }
    }
}

/// Written by the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    pub scope: Scope,
    pub kind: LoadBalancerKind,
    pub name: String,
    /// 16 hexadecimal digits.
    pub id: String,
    pub dns_name: String,
    pub scheme: Scheme,
    pub vpc_id: String,
    /// `ipv4`.
    pub ip_address_type: String,
    /// One per zone, in the order given.
    pub subnets: Vec<LoadBalancerSubnet>,
    /// Ids. Empty for a network load balancer that was made without any: it then lets everyone in.
    pub security_groups: Vec<String>,
    /// Those that were set; [`super::attributes`] has the defaults.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancerSubnet {
    pub subnet_id: String,
    pub availability_zone: String,
    /// The address that an internal network load balancer was asked to take.
    #[serde(default)]
    pub private_ipv4_address: Option<Ipv4Addr>,
    /// The Elastic IP address that a network load balancer was asked to have here.
    #[serde(default)]
    pub allocation_id: Option<String>,
}

impl LoadBalancer {
    /// Index: by name, which is unique in a scope.
    pub const NAME: &'static str = "name";

    /// `app/NAME/<16 hex>`: how metrics, access logs and the ARNs of its listeners name it.
    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.kind.prefix(), self.name, self.id)
    }

    pub fn arn(&self) -> String {
        self.scope.arn("elasticloadbalancing", &format!("loadbalancer/{}", self.path()))
    }
}

impl Record for LoadBalancer {
    const TABLE: &'static str = "elb-load-balancer";

    fn key(&self) -> String {
        self.scope.key(&self.path())
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::NAME, self.scope.key(&self.name));
        sink("vpc", self.scope.key(&self.vpc_id));
        for subnet in &self.subnets {
            sink("subnet", self.scope.key(&subnet.subnet_id));
            if let Some(allocation_id) = &subnet.allocation_id {
                sink("allocation", self.scope.key(allocation_id));
            }
        }
        for group in &self.security_groups {
            sink("security-group", self.scope.key(group));
        }
    }
}

/// Where it listens. Written by the balancers loop alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancerPlacement {
    pub scope: Scope,
    /// [`LoadBalancer::path`]
    pub load_balancer: String,
    pub node: String,
    /// One per subnet that has a free address.
    pub zones: Vec<PlacedZone>,
    /// Why a zone could not be given an address.
    #[serde(default)]
    pub failure: Option<String>,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedZone {
    pub availability_zone: String,
    pub subnet_id: String,
    /// The network interface that it dials targets from, and that clients in the VPC reach it at.
    pub eni_id: String,
    pub private_address: Ipv4Addr,
    /// Out of the public pool, when it faces the internet.
    #[serde(default)]
    pub public_address: Option<Ipv4Addr>,
}

impl Record for LoadBalancerPlacement {
    const TABLE: &'static str = "elb-load-balancer-placement";

    fn key(&self) -> String {
        self.scope.key(&self.load_balancer)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink("node", self.node.clone());
        for address in self.zones.iter().filter_map(|zone| zone.public_address) {
            sink("public-address", address.to_string());
        }
    }
}

/// What its balancer reports. Written by edge dispatch alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancerStatus {
    pub scope: Scope,
    pub load_balancer: String,
    pub state: LoadBalancerState,
    #[serde(default)]
    pub reason: Option<String>,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoadBalancerState {
    /// Every listener that is configured accepts connections on every address.
    Active,
    /// Some do.
    ActiveImpaired,
    Failed,
}

impl LoadBalancerState {
    pub const fn as_str(self) -> &'static str {
        match self {
            LoadBalancerState::Active => "active",
            LoadBalancerState::ActiveImpaired => "active_impaired",
            LoadBalancerState::Failed => "failed",
        }
    }
}

impl Record for LoadBalancerStatus {
    const TABLE: &'static str = "elb-load-balancer-status";

    fn key(&self) -> String {
        self.scope.key(&self.load_balancer)
    }
}
