//! DescribeVpcs.

use state_model::ec2::Vpc;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeVpcsRequest, DescribeVpcsResult};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, ids, render};

const FILTERS: &[&str] = &[
    "cidr",
    "cidr-block",
    "cidr-block-association.association-id",
    "cidr-block-association.cidr-block",
    "cidr-block-association.state",
    "dhcp-options-id",
    "is-default",
    "isDefault",
    "ipv6-cidr-block-association.association-id",
    "ipv6-cidr-block-association.ipv6-cidr-block",
    "ipv6-cidr-block-association.ipv6-pool",
    "ipv6-cidr-block-association.state",
    "owner-id",
    "state",
    "vpc-id",
];

pub async fn describe_vpcs(
    context: Context,
    input: DescribeVpcsRequest,
) -> Result<DescribeVpcsResult, ServiceError> {
    context.authorise("ec2:DescribeVpcs", "*")?;
    let given = input.vpc_ids.unwrap_or_default();
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let rows = ids::VPC.rows(&view.vpcs, &context.scope, &given, &page)?;
    check_dry_run(input.dry_run)?;
    let matching =
        rows.into_iter().filter(|(_, row)| filters.match_resource(&row.tags, |name| values(row, name)));
    let (found, next_token) = page.take(matching.map(|(key, row)| (key, render::vpc::vpc(row))));
    Ok(DescribeVpcsResult { vpcs: Some(found), next_token })
}

fn values(vpc: &Vpc, filter: &str) -> Vec<String> {
    let blocks = render::vpc::blocks(vpc);
    let value = match filter {
        "cidr" | "cidr-block" => vpc.cidr_block.clone(),
        "cidr-block-association.cidr-block" => return blocks.map(|block| block.cidr_block).collect(),
        "cidr-block-association.association-id" => return blocks.map(|block| block.id).collect(),
        "cidr-block-association.state" => String::from("associated"),
        "dhcp-options-id" => vpc.dhcp_options_id.clone(),
        "is-default" | "isDefault" => vpc.is_default.to_string(),
        "owner-id" => vpc.scope.account.clone(),
        "state" => String::from("available"),
        "vpc-id" => vpc.id.clone(),
        _ => return ipv6_value(vpc, filter).into_iter().collect(),
    };
    vec![value]
}

fn ipv6_value(vpc: &Vpc, filter: &str) -> Option<String> {
    let block = vpc.ipv6_block.as_ref()?;
    Some(match filter.strip_prefix("ipv6-cidr-block-association.")? {
        "association-id" => block.id.clone(),
        "ipv6-cidr-block" => block.cidr_block.clone(),
        "ipv6-pool" => String::from(render::vpc::IPV6_POOL),
        "state" => String::from("associated"),
        _ => return None,
    })
}
