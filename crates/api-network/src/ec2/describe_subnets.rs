//! DescribeSubnets.

use state_model::ec2::Subnet;
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeSubnetsRequest, DescribeSubnetsResult};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, ids, render};

const FILTERS: &[&str] = &[
    "availability-zone",
    "availabilityZone",
    "availability-zone-id",
    "availabilityZoneId",
    "available-ip-address-count",
    "cidr",
    "cidr-block",
    "cidrBlock",
    "customer-owned-ipv4-pool",
    "default-for-az",
    "defaultForAz",
    "enable-dns64",
    "enable-lni-at-device-index",
    "ipv6-cidr-block-association.association-id",
    "ipv6-cidr-block-association.ipv6-cidr-block",
    "ipv6-cidr-block-association.state",
    "ipv6-native",
    "map-customer-owned-ip-on-launch",
    "map-public-ip-on-launch",
    "outpost-arn",
    "owner-id",
    "private-dns-name-options-on-launch.enable-resource-name-dns-a-record",
    "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record",
    "private-dns-name-options-on-launch.hostname-type",
    "state",
    "subnet-arn",
    "subnet-id",
    "vpc-id",
];

pub async fn describe_subnets(
    context: Context,
    input: DescribeSubnetsRequest,
) -> Result<DescribeSubnetsResult, ServiceError> {
    context.authorise("ec2:DescribeSubnets", "*")?;
    let given = input.subnet_ids.unwrap_or_default();
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let rows = ids::SUBNET.rows(&view.subnets, &context.scope, &given, &page)?;
    check_dry_run(input.dry_run)?;
    let matching = rows
        .into_iter()
        .filter(|(_, row)| filters.match_resource(&row.tags, |name| values(&view, row, name)));
    let (found, next_token) = page.take(matching.map(|(key, row)| (key, render::subnet::subnet(&view, row))));
    Ok(DescribeSubnetsResult { subnets: Some(found), next_token })
}

fn values(view: &View, subnet: &Subnet, filter: &str) -> Vec<String> {
    let value = match filter {
        "availability-zone" | "availabilityZone" => subnet.availability_zone.clone(),
        "availability-zone-id" | "availabilityZoneId" => subnet.availability_zone_id.clone(),
        "available-ip-address-count" => render::subnet::available(view, subnet).to_string(),
        "cidr" | "cidr-block" | "cidrBlock" => subnet.cidr_block.clone(),
        "default-for-az" | "defaultForAz" => subnet.default_for_az.to_string(),
        "map-public-ip-on-launch" => subnet.map_public_ip_on_launch.to_string(),
        "enable-dns64" | "ipv6-native" | "map-customer-owned-ip-on-launch" => false.to_string(),
        "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record" => {
            subnet.enable_resource_name_dns_aaaa_record.to_string()
        }
        "private-dns-name-options-on-launch.enable-resource-name-dns-a-record" => {
            subnet.enable_resource_name_dns_a_record.to_string()
        }
        "private-dns-name-options-on-launch.hostname-type" => {
            render::subnet::hostname_type(subnet).to_string()
        }
        "owner-id" => subnet.scope.account.clone(),
        "state" => String::from("available"),
        "subnet-arn" => render::subnet::arn(subnet),
        "subnet-id" => subnet.id.clone(),
        "vpc-id" => subnet.vpc_id.clone(),
        // No subnet has an outpost or a pool of the customer's own.
        _ => return ipv6_value(subnet, filter).into_iter().collect(),
    };
    vec![value]
}

fn ipv6_value(subnet: &Subnet, filter: &str) -> Option<String> {
    let block = subnet.ipv6_block.as_ref()?;
    Some(match filter.strip_prefix("ipv6-cidr-block-association.")? {
        "association-id" => block.id.clone(),
        "ipv6-cidr-block" => block.cidr_block.clone(),
        "state" => String::from("associated"),
        _ => return None,
    })
}
