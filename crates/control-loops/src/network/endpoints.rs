//! The VPC endpoints of a VPC: where the node listens for them, and the names that lead there.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use link_protocol::Interface;
use link_protocol::network::{EndpointSnapshot, NameSnapshot};
use state_model::ec2::prefix_list::S3_GATEWAY_ADDRESS;
use state_model::ec2::vpc_endpoint::VpcEndpointKind;
use state_model::ec2::{NetworkInterface, Vpc, VpcEndpoint};
use state_tables::{Row, View};

use super::edge;

/// The link on which S3's gateway listens: large enough for its address to be neither the network's own, nor the router's, nor
/// the broadcast address.
const S3_GATEWAY_BLOCK: &str = "198.18.0.0/29";

/// The name that stands for that link among the VPC's subnets.
const S3_GATEWAY_SUBNET: &str = "subnet-s3-gateway";

/// Names of S3 of its first region, from before names had regions.
const S3_GLOBAL_NAMES: [&str; 2] = ["s3.amazonaws.com", "*.s3.amazonaws.com"];

pub(super) fn snapshots(view: &View, vpc: &Row<Vpc>) -> Vec<EndpointSnapshot> {
    let key = vpc.scope.key(&vpc.id);
    let mut endpoints: Vec<&Row<VpcEndpoint>> =
        view.vpc_endpoints.by("vpc", &key).filter(|endpoint| endpoint.deleted_at.is_none()).collect();
    endpoints.sort_by_key(|endpoint| (endpoint.created_at, endpoint.id.clone()));
    let mut told: Vec<EndpointSnapshot> =
        endpoints.iter().filter_map(|endpoint| interface_endpoint(view, endpoint)).collect();
    // One address, one listener: where there are several gateways to S3, the first one is in place.
    let gateway = endpoints.iter().find(|endpoint| matches!(endpoint.kind, VpcEndpointKind::Gateway { .. }));
    if let Some(endpoint) = gateway {
        let taken: BTreeSet<&str> =
            told.iter().flat_map(|other| &other.names).map(|name| name.name.as_str()).collect();
        let gateway = gateway_endpoint(vpc, endpoint, &taken);
        told.push(gateway);
    }
    told
}

/// None for one of another kind.
fn interface_endpoint(view: &View, endpoint: &VpcEndpoint) -> Option<EndpointSnapshot> {
    let VpcEndpointKind::Interface { interfaces, private_dns_enabled, .. } = &endpoint.kind else {
        return None;
    };
    let interfaces = interfaces.values().map(|id| endpoint.scope.key(id));
    let interfaces: Vec<&NetworkInterface> =
        interfaces.filter_map(|key| view.network_interfaces.get(&key).map(|row| &**row.record())).collect();
    let addresses: Vec<Ipv4Addr> = interfaces.iter().map(|interface| interface.address).collect();
    let mut names = vec![NameSnapshot { name: endpoint.dns_name(), addresses: addresses.clone() }];
    names.extend(interfaces.iter().map(|interface| NameSnapshot {
        name: endpoint.zonal_dns_name(&interface.availability_zone),
        addresses: vec![interface.address],
    }));
    if *private_dns_enabled {
        let private = endpoint.private_dns_names().into_iter();
        names.extend(private.map(|name| NameSnapshot { name, addresses: addresses.clone() }));
    }
    Some(EndpointSnapshot {
        id: endpoint.id.clone(),
        service: endpoint.service().to_owned(),
        interfaces: interfaces.into_iter().filter_map(|interface| edge(view, interface)).collect(),
        names,
        policy_document: endpoint.policy_document.clone(),
    })
}

/// S3's ordinary names lead to the gateway's address in the whole VPC, but for those in `taken`; routes decide which subnets get
/// there.
fn gateway_endpoint(vpc: &Vpc, endpoint: &VpcEndpoint, taken: &BTreeSet<&str>) -> EndpointSnapshot {
    let mut names = endpoint.private_dns_names();
    if endpoint.scope.region == "us-east-1" {
        names.extend(S3_GLOBAL_NAMES.map(str::to_owned));
    }
    let names = names.into_iter().filter(|name| !taken.contains(name.as_str()));
    EndpointSnapshot {
        id: endpoint.id.clone(),
        service: endpoint.service().to_owned(),
        interfaces: vec![gateway_listener(vpc, endpoint)],
        names: names.map(|name| NameSnapshot { name, addresses: vec![S3_GATEWAY_ADDRESS] }).collect(),
        policy_document: endpoint.policy_document.clone(),
    }
}

/// Nothing that users see: a gateway endpoint has no interface. It is in no group, so everyone whom a route brings gets there.
fn gateway_listener(vpc: &Vpc, endpoint: &VpcEndpoint) -> Interface {
    let digits = endpoint.id.trim_start_matches("vpce-");
    Interface {
        // As unique as the endpoint's own.
        eni_id: format!("eni-{digits}"),
        vpc_id: vpc.id.clone(),
        vpc_cidr_block: vpc.cidr_block.clone(),
        subnet_id: S3_GATEWAY_SUBNET.to_owned(),
        subnet_cidr_block: S3_GATEWAY_BLOCK.to_owned(),
        address: S3_GATEWAY_ADDRESS,
        mac_address: mac_address(S3_GATEWAY_ADDRESS),
        private_dns_name: String::new(),
        security_groups: Vec::new(),
        public_address: None,
        ipv6_addresses: Vec::new(),
        subnet_ipv6_cidr_block: None,
        names: None,
    }
}

/// One that no interface of a user has: theirs begin with `0a`.
fn mac_address(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("06:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}
