//! A VPC for unit tests.

use link_protocol::network::VpcSnapshot;
use state_model::Scope;

/// A VPC with nothing in it.
pub fn snapshot(id: &str) -> VpcSnapshot {
    VpcSnapshot {
        scope: Scope::new("000000000000", "us-east-1"),
        id: id.to_owned(),
        cidr_blocks: vec!["172.31.0.0/16".to_owned()],
        ipv6_cidr_block: None,
        subnets: Vec::new(),
        route_tables: Vec::new(),
        network_acls: Vec::new(),
        nat_gateways: Vec::new(),
        peering_connections: Vec::new(),
        endpoints: Vec::new(),
        flow_logs: Vec::new(),
        groups: Vec::new(),
        prefix_lists: Vec::new(),
        names: Vec::new(),
        dns_support: true,
        dns_hostnames: true,
    }
}
