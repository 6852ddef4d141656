//! DescribeAddresses. It has no pages.

use state_model::ec2::ElasticIp;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeAddressesRequest, DescribeAddressesResult};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, elastic_ip_lookup, ids, render};

const FILTERS: &[&str] = &[
    "allocation-id",
    "association-id",
    "domain",
    "instance-id",
    "network-border-group",
    "network-interface-id",
    "network-interface-owner-id",
    "private-ip-address",
    "public-ip",
];

pub async fn describe_addresses(
    context: Context,
    input: DescribeAddressesRequest,
) -> Result<DescribeAddressesResult, ServiceError> {
    context.authorise("ec2:DescribeAddresses", "*")?;
    let given = input.allocation_ids.unwrap_or_default();
    let filters = Filters::new(input.filters, FILTERS)?;
    let whole = Page::new(&filters, &given, None, None)?;
    let view = context.view();
    let wanted = input.public_ips.unwrap_or_default();
    for text in &wanted {
        elastic_ip_lookup::by_address(&view, &context.scope, text)?;
    }
    let rows = ids::ELASTIC_IP.rows(&view.elastic_ips, &context.scope, &given, &whole)?;
    check_dry_run(input.dry_run)?;
    let found = rows
        .into_iter()
        .filter(|(_, row)| wanted.is_empty() || wanted.contains(&row.public_address.to_string()))
        .filter(|(_, row)| filters.match_resource(&row.tags, |name| values(row, name)))
        .map(|(_, row)| render::elastic_ip::elastic_ip(&view, row));
    Ok(DescribeAddressesResult { addresses: Some(found.collect()) })
}

fn values(address: &ElasticIp, filter: &str) -> Vec<String> {
    let association = address.association.as_ref();
    let value = match filter {
        "allocation-id" => Some(address.id.clone()),
        "association-id" => association.map(|association| association.id.clone()),
        "domain" => Some(String::from("vpc")),
        "network-border-group" => Some(address.scope.region.clone()),
        "network-interface-id" => association.map(|association| association.network_interface_id.clone()),
        "network-interface-owner-id" => association.map(|_| address.scope.account.clone()),
        "private-ip-address" => association.map(|association| association.private_address.to_string()),
        "public-ip" => Some(address.public_address.to_string()),
        // There are no instances.
        _ => None,
    };
    value.into_iter().collect()
}
