//! DescribeNetworkInterfaces.

use std::net::Ipv4Addr;

use state_model::ec2::NetworkInterface;
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeNetworkInterfacesRequest, DescribeNetworkInterfacesResult};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::render::network_interface as shown;
use super::{Context, ids};

const FILTERS: &[&str] = &[
    "addresses.association.owner-id",
    "addresses.association.public-ip",
    "addresses.primary",
    "addresses.private-ip-address",
    "association.allocation-id",
    "association.association-id",
    "association.ip-owner-id",
    "association.public-dns-name",
    "association.public-ip",
    "attachment.attach-time",
    "attachment.attachment-id",
    "attachment.delete-on-termination",
    "attachment.device-index",
    "attachment.instance-id",
    "attachment.instance-owner-id",
    "attachment.status",
    "availability-zone",
    "availability-zone-id",
    "description",
    "group-id",
    "group-name",
    "interface-type",
    "ipv6-addresses.ipv6-address",
    "mac-address",
    "network-interface-id",
    "operator.managed",
    "operator.principal",
    "owner-id",
    "private-dns-name",
    "private-ip-address",
    "requester-id",
    "requester-managed",
    "source-dest-check",
    "status",
    "subnet-id",
    "vpc-id",
];

pub async fn describe_network_interfaces(
    context: Context,
    input: DescribeNetworkInterfacesRequest,
) -> Result<DescribeNetworkInterfacesResult, ServiceError> {
    context.authorise("ec2:DescribeNetworkInterfaces", "*")?;
    let given = input.network_interface_ids.unwrap_or_default();
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let rows = ids::NETWORK_INTERFACE.rows(&view.network_interfaces, &context.scope, &given, &page)?;
    check_dry_run(input.dry_run)?;
    let matching = rows
        .into_iter()
        .filter(|(_, row)| filters.match_resource(&row.tags, |name| values(&view, row, name)));
    let (found, next_token) =
        page.take(matching.map(|(key, row)| (key, shown::network_interface(&view, row))));
    Ok(DescribeNetworkInterfacesResult { network_interfaces: Some(found), next_token })
}

fn values(view: &View, interface: &NetworkInterface, filter: &str) -> Vec<String> {
    let attached = shown::is_attached(view, interface);
    if let Some(name) = filter.strip_prefix("addresses.") {
        return interface
            .addresses()
            .flat_map(|address| address_values(view, interface, address, name))
            .collect();
    }
    if let Some(name) = filter.strip_prefix("association.") {
        return association_values(view, interface, interface.address, name);
    }
    let value = match filter {
        "attachment.attach-time" if attached => interface.created_at.to_rfc3339_millis(),
        "attachment.attachment-id" if attached => shown::attachment_id(interface),
        "attachment.delete-on-termination" if attached => false.to_string(),
        "attachment.device-index" if attached => String::from("1"),
        "attachment.instance-owner-id" if attached => shown::instance_owner_id(interface),
        "attachment.status" => String::from(if attached { "attached" } else { "detached" }),
        "availability-zone" => interface.availability_zone.clone(),
        "availability-zone-id" => match shown::subnet(view, interface) {
            Some(subnet) => subnet.availability_zone_id.clone(),
            None => return Vec::new(),
        },
        "description" => interface.description.clone(),
        "group-id" => return interface.security_groups.clone(),
        "group-name" => return group_names(view, interface),
        "interface-type" => shown::interface_type(interface).to_string(),
        "ipv6-addresses.ipv6-address" => {
            return interface.ipv6_addresses.iter().map(ToString::to_string).collect();
        }
        "mac-address" => interface.mac_address.clone(),
        "network-interface-id" => interface.id.clone(),
        "operator.managed" => false.to_string(),
        "owner-id" => interface.scope.account.clone(),
        "private-dns-name" => interface.private_dns_name.clone(),
        "private-ip-address" => interface.address.to_string(),
        "requester-id" => shown::requester_id(interface),
        "requester-managed" => shown::is_managed(interface).to_string(),
        "source-dest-check" => interface.source_dest_check.to_string(),
        "status" => shown::status(attached).to_string(),
        "subnet-id" => interface.subnet_id.clone(),
        "vpc-id" => interface.vpc_id.clone(),
        // No interface has an instance.
        _ => return Vec::new(),
    };
    vec![value]
}

fn address_values(view: &View, interface: &NetworkInterface, address: Ipv4Addr, name: &str) -> Vec<String> {
    match name {
        "primary" => vec![(address == interface.address).to_string()],
        "private-ip-address" => vec![address.to_string()],
        "association.owner-id" => association_values(view, interface, address, "ip-owner-id"),
        "association.public-ip" => association_values(view, interface, address, "public-ip"),
        _ => Vec::new(),
    }
}

fn association_values(
    view: &View,
    interface: &NetworkInterface,
    address: Ipv4Addr,
    name: &str,
) -> Vec<String> {
    let Some(association) = shown::association(view, interface, address) else { return Vec::new() };
    let value = match name {
        "allocation-id" => association.allocation_id,
        "association-id" => association.association_id,
        "ip-owner-id" => association.ip_owner_id,
        "public-dns-name" => association.public_dns_name,
        "public-ip" => association.public_ip,
        _ => None,
    };
    value.into_iter().collect()
}

fn group_names(view: &View, interface: &NetworkInterface) -> Vec<String> {
    let groups = interface.security_groups.iter();
    let rows = groups.filter_map(|id| view.security_groups.get(&interface.scope.key(id)));
    rows.map(|group| group.name.clone()).collect()
}
