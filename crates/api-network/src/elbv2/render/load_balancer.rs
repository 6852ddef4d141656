//! A load balancer.

use state_model::Record;
use state_model::elbv2::load_balancer::{
    LoadBalancer, LoadBalancerKind, LoadBalancerPlacement, LoadBalancerState, LoadBalancerSubnet, Scheme,
};
use state_tables::View;
use wire_schema::Instant;
use wire_shapes_network::elbv2 as wire;

use crate::elbv2::hosted_zones;

pub fn load_balancer(view: &View, record: &LoadBalancer) -> wire::LoadBalancer {
    let placement = view.elb_load_balancer_placements.get(&record.key());
    let placement = placement.map(|row| &**row.record());
    let groups = Some(record.security_groups.clone());
    wire::LoadBalancer {
        availability_zones: Some(zones(record, placement)),
        canonical_hosted_zone_id: Some(hosted_zones::canonical(&record.scope.region, record.kind).to_owned()),
        created_time: Some(Instant { millis: record.created_at.as_millis() }),
        dns_name: Some(record.dns_name.clone()),
        enforce_security_group_inbound_rules_on_private_link_traffic: Some(String::from("on"))
            .filter(|_| record.kind == LoadBalancerKind::Network && !record.security_groups.is_empty()),
        ip_address_type: Some(record.ip_address_type.as_str().into()),
        load_balancer_arn: Some(record.arn()),
        load_balancer_name: Some(record.name.clone()),
        scheme: Some(record.scheme.as_str().into()),
        security_groups: groups
            .filter(|groups| record.kind == LoadBalancerKind::Application || !groups.is_empty()),
        state: Some(state(view, record, placement)),
        r#type: Some(record.kind.as_str().into()),
        vpc_id: Some(record.vpc_id.clone()),
        ..Default::default()
    }
}

/// What its balancer reported last. Without a report it is being provisioned.
fn state(
    view: &View,
    record: &LoadBalancer,
    placement: Option<&LoadBalancerPlacement>,
) -> wire::LoadBalancerState {
    let failure = placement.and_then(|placement| placement.failure.clone());
    match view.elb_load_balancer_status.get(&record.key()) {
        None => {
            wire::LoadBalancerState { code: Some(wire::LoadBalancerStateEnum::Provisioning), reason: failure }
        }
        Some(status) => wire::LoadBalancerState {
            code: Some(status.state.as_str().into()),
            reason: match status.state {
                LoadBalancerState::Active => None,
                LoadBalancerState::ActiveImpaired | LoadBalancerState::Failed => {
                    status.reason.clone().or(failure)
                }
            },
        },
    }
}

pub fn zones(
    record: &LoadBalancer,
    placement: Option<&LoadBalancerPlacement>,
) -> Vec<wire::AvailabilityZone> {
    let zone = |subnet: &LoadBalancerSubnet| wire::AvailabilityZone {
        load_balancer_addresses: Some(addresses(record, subnet, placement)),
        subnet_id: Some(subnet.subnet_id.clone()),
        zone_name: Some(subnet.availability_zone.clone()),
        ..Default::default()
    };
    record.subnets.iter().map(zone).collect()
}

/// Network load balancers alone have addresses that stay. A private one is told when it was asked for: AWS does so too,
/// and a template would see a change otherwise.
fn addresses(
    record: &LoadBalancer,
    subnet: &LoadBalancerSubnet,
    placement: Option<&LoadBalancerPlacement>,
) -> Vec<wire::LoadBalancerAddress> {
    let address = match (record.kind, record.scheme) {
        (LoadBalancerKind::Application, _) => None,
        (LoadBalancerKind::Network, Scheme::Internal) => {
            subnet.private_ipv4_address.map(|address| wire::LoadBalancerAddress {
                private_ipv4_address: Some(address.to_string()),
                ..Default::default()
            })
        }
        (LoadBalancerKind::Network, Scheme::InternetFacing) => {
            let mut zones = placement.into_iter().flat_map(|placement| &placement.zones);
            let zone = zones.find(|zone| zone.subnet_id == subnet.subnet_id);
            zone.and_then(|zone| zone.public_address).map(|address| wire::LoadBalancerAddress {
                ip_address: Some(address.to_string()),
                allocation_id: subnet.allocation_id.clone(),
                ..Default::default()
            })
        }
    };
    address.into_iter().collect()
}
