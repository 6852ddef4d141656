//! DescribeNetworkInterfaces.

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
    let value = match filter {
        "addresses.primary" | "requester-managed" | "source-dest-check" => true.to_string(),
        "addresses.private-ip-address" | "private-ip-address" => interface.address.to_string(),
        "attachment.attach-time" if attached => interface.created_at.to_rfc3339_millis(),
        "attachment.attachment-id" if attached => shown::attachment_id(interface),
        "attachment.delete-on-termination" if attached => false.to_string(),
        "attachment.device-index" if attached => String::from("1"),
        "attachment.instance-owner-id" if attached => String::from(shown::requester_id(interface)),
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
        "mac-address" => interface.mac_address.clone(),
        "network-interface-id" => interface.id.clone(),
        "operator.managed" => false.to_string(),
        "owner-id" => interface.scope.account.clone(),
        "private-dns-name" => interface.private_dns_name.clone(),
        "requester-id" => String::from(shown::requester_id(interface)),
        "status" => shown::status(attached).to_string(),
        "subnet-id" => interface.subnet_id.clone(),
        "vpc-id" => interface.vpc_id.clone(),
        "addresses.association.public-ip" | "association.public-ip" => {
            return shown::public_address(view, interface)
                .map(|address| address.to_string())
                .into_iter()
                .collect();
        }
        "association.ip-owner-id" if shown::public_address(view, interface).is_some() => {
            String::from(shown::requester_id(interface))
        }
        // No interface has an IPv6 address, a name in the public DNS, or an instance.
        _ => return Vec::new(),
    };
    vec![value]
}

fn group_names(view: &View, interface: &NetworkInterface) -> Vec<String> {
    let groups = interface.security_groups.iter();
    let rows = groups.filter_map(|id| view.security_groups.get(&interface.scope.key(id)));
    rows.map(|group| group.name.clone()).collect()
}
