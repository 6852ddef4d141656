//! A VPC endpoint.

use state_model::Scope;
use state_model::ec2::vpc_endpoint::VpcEndpointKind;
use state_model::ec2::{NetworkInterface, VpcEndpoint};
use state_tables::{Row, View};
use wire_schema::Instant;
use wire_shapes_network::ec2 as wire;

use crate::ec2::{endpoint_checks, tags};

/// Whose zone the names of endpoints are in: the id by which it is shown. There is no Route 53 here, so it names nothing.
const HOSTED_ZONE: &str = "Z7HUB22UULQXV";

pub fn vpc_endpoint(view: &View, endpoint: &VpcEndpoint) -> wire::VpcEndpoint {
    let policy = endpoint.policy_document.as_deref().unwrap_or(endpoint_checks::FULL_ACCESS);
    let mut shown = wire::VpcEndpoint {
        creation_timestamp: Some(Instant::from_millis(endpoint.created_at.as_millis())),
        dns_entries: Some(Vec::new()),
        groups: Some(Vec::new()),
        ip_address_type: Some(wire::IpAddressType::Ipv4),
        network_interface_ids: Some(Vec::new()),
        owner_id: Some(endpoint.scope.account.clone()),
        policy_document: Some(policy.to_owned()),
        private_dns_enabled: Some(false),
        requester_managed: Some(false),
        route_table_ids: Some(Vec::new()),
        service_name: Some(endpoint.service_name.clone()),
        service_region: Some(endpoint.scope.region.clone()),
        state: Some(state(view, endpoint)),
        subnet_ids: Some(Vec::new()),
        tags: Some(tags::render(&endpoint.tags)),
        vpc_endpoint_id: Some(endpoint.id.clone()),
        vpc_endpoint_type: Some(kind(endpoint)),
        vpc_id: Some(endpoint.vpc_id.clone()),
        ..Default::default()
    };
    match &endpoint.kind {
        VpcEndpointKind::Gateway { route_table_ids } => {
            shown.route_table_ids = Some(route_table_ids.clone());
        }
        VpcEndpointKind::Interface { interfaces, security_groups, private_dns_enabled } => {
            shown.dns_entries = Some(dns_entries(view, endpoint, *private_dns_enabled));
            shown.dns_options = Some(wire::DnsOptions {
                dns_record_ip_type: Some(wire::DnsRecordIpType::Ipv4),
                ..Default::default()
            });
            shown.groups = Some(security_groups.iter().map(|id| group(view, &endpoint.scope, id)).collect());
            shown.network_interface_ids = Some(interfaces.values().cloned().collect());
            shown.private_dns_enabled = Some(*private_dns_enabled);
            shown.subnet_ids = Some(interfaces.keys().cloned().collect());
        }
    }
    shown
}

pub fn arn(scope: &Scope, id: &str) -> String {
    scope.arn("ec2", &format!("vpc-endpoint/{id}"))
}

pub fn kind(endpoint: &VpcEndpoint) -> wire::VpcEndpointType {
    match endpoint.kind {
        VpcEndpointKind::Gateway { .. } => wire::VpcEndpointType::Gateway,
        VpcEndpointKind::Interface { .. } => wire::VpcEndpointType::Interface,
    }
}

/// `available` as soon as a node has told that it listens, or that the gateway's address leads to the service. Unlike the
/// model, AWS writes states in small letters here.
pub fn state(view: &View, endpoint: &VpcEndpoint) -> wire::State {
    let word = match endpoint.deleted_at {
        Some(_) => "deleting",
        None if view.network_in_place.contains(&endpoint.scope.key(&endpoint.id)) => "available",
        None => "pending",
    };
    wire::State::Other(String::from(word))
}

/// The endpoint's own name, one for each zone, and the service's ordinary names where they lead here.
fn dns_entries(view: &View, endpoint: &VpcEndpoint, private_dns_enabled: bool) -> Vec<wire::DnsEntry> {
    let entry = |name: String| wire::DnsEntry {
        dns_name: Some(name),
        hosted_zone_id: Some(String::from(HOSTED_ZONE)),
    };
    let interfaces = view.network_interfaces.by("vpc-endpoint", &endpoint.scope.key(&endpoint.id));
    let mut zones: Vec<&str> =
        interfaces.map(|row: &Row<NetworkInterface>| row.record().availability_zone.as_str()).collect();
    zones.sort_unstable();
    let mut entries = vec![entry(endpoint.dns_name())];
    entries.extend(zones.into_iter().map(|zone| entry(endpoint.zonal_dns_name(zone))));
    if private_dns_enabled {
        entries.extend(endpoint.private_dns_names().into_iter().map(entry));
    }
    entries
}

fn group(view: &View, scope: &Scope, id: &str) -> wire::SecurityGroupIdentifier {
    let group = view.security_groups.get(&scope.key(id));
    wire::SecurityGroupIdentifier {
        group_id: Some(id.to_owned()),
        group_name: group.map(|group| group.name.clone()),
    }
}
