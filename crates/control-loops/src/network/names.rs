//! What a VPC's resolver answers beside the names that follow from addresses.

use std::net::Ipv4Addr;

use control_plan::edge_names;
use link_protocol::network::NameSnapshot;
use state_tables::{View, public_addresses};

/// The names of the VPC's load balancers, and the public names of interfaces, which inside lead to their private addresses.
pub(super) fn of_vpc(view: &View, vpc_key: &str) -> Vec<NameSnapshot> {
    let load_balancers = view.elb_load_balancers.by("vpc", vpc_key);
    let named = load_balancers.map(|load_balancer| NameSnapshot {
        name: load_balancer.dns_name.clone(),
        addresses: edge_names::vpc_addresses(view, load_balancer),
    });
    let mut names: Vec<NameSnapshot> = named.filter(|name| !name.addresses.is_empty()).collect();
    names.extend(public_names(view, vpc_key));
    for (connection, peer) in super::peers(view, vpc_key) {
        // A side that allows it lets the other side resolve its public names to private addresses.
        if peer.allow_dns_resolution && connection.scope.region == peer.scope.region {
            names.extend(public_names(view, &super::key_of(peer)));
        }
    }
    names
}

/// None in a VPC whose interfaces have no public names.
fn public_names<'v>(view: &'v View, vpc_key: &str) -> impl Iterator<Item = NameSnapshot> + use<'v> {
    let has_names = view.vpcs.get(vpc_key).is_some_and(|vpc| vpc.enable_dns_hostnames);
    let interfaces = view.network_interfaces.by("vpc", vpc_key).filter(move |_| has_names);
    interfaces.filter_map(|interface| {
        let public = public_addresses::of_interface(view, interface)?;
        let name = public_dns_name(public, &interface.scope.region);
        Some(NameSnapshot { name, addresses: vec![interface.address] })
    })
}

/// `ec2-203-0-113-5.compute-1.amazonaws.com` in us-east-1, `ec2-….<region>.compute.amazonaws.com` elsewhere.
fn public_dns_name(address: Ipv4Addr, region: &str) -> String {
    let [a, b, c, d] = address.octets();
    match region {
        "us-east-1" => format!("ec2-{a}-{b}-{c}-{d}.compute-1.amazonaws.com"),
        _ => format!("ec2-{a}-{b}-{c}-{d}.{region}.compute.amazonaws.com"),
    }
}
