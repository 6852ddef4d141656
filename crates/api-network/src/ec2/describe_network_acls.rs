//! DescribeNetworkAcls.

use state_model::ec2::NetworkAcl;
use state_tables::{View, network_paths};
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeNetworkAclsRequest, DescribeNetworkAclsResult};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, ids, render};

const FILTERS: &[&str] = &[
    "association.association-id",
    "association.network-acl-id",
    "association.subnet-id",
    "default",
    "entry.cidr",
    "entry.egress",
    "entry.icmp.code",
    "entry.icmp.type",
    "entry.ipv6-cidr",
    "entry.port-range.from",
    "entry.port-range.to",
    "entry.protocol",
    "entry.rule-action",
    "entry.rule-number",
    "network-acl-id",
    "owner-id",
    "vpc-id",
];

pub async fn describe_network_acls(
    context: Context,
    input: DescribeNetworkAclsRequest,
) -> Result<DescribeNetworkAclsResult, ServiceError> {
    context.authorise("ec2:DescribeNetworkAcls", "*")?;
    let given = input.network_acl_ids.unwrap_or_default();
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let rows = ids::NETWORK_ACL.rows(&view.network_acls, &context.scope, &given, &page)?;
    check_dry_run(input.dry_run)?;
    let matching = rows
        .into_iter()
        .filter(|(_, row)| filters.match_resource(&row.tags, |name| values(&view, row, name)));
    let (found, next_token) =
        page.take(matching.map(|(key, row)| (key, render::network_acl::network_acl(&view, row))));
    Ok(DescribeNetworkAclsResult { network_acls: Some(found), next_token })
}

fn values(view: &View, acl: &NetworkAcl, filter: &str) -> Vec<String> {
    let associations = acl.associations.iter();
    let entries = network_paths::acl_entries(view, acl);
    let entries = entries.iter();
    match filter {
        "association.association-id" => associations.map(|one| one.id.clone()).collect(),
        "association.network-acl-id" => associations.map(|_| acl.id.clone()).collect(),
        "association.subnet-id" => associations.map(|one| one.subnet_id.clone()).collect(),
        "default" => vec![acl.is_default.to_string()],
        "entry.cidr" => entries.filter_map(render::network_acl::ipv4).collect(),
        "entry.ipv6-cidr" => entries.filter_map(render::network_acl::ipv6).collect(),
        "entry.egress" => entries.map(|entry| entry.is_egress.to_string()).collect(),
        "entry.icmp.code" => {
            entries.filter_map(|entry| entry.icmp).map(|(_, code)| code.to_string()).collect()
        }
        "entry.icmp.type" => {
            entries.filter_map(|entry| entry.icmp).map(|(kind, _)| kind.to_string()).collect()
        }
        "entry.port-range.from" => {
            entries.filter_map(|entry| entry.ports).map(|(from, _)| from.to_string()).collect()
        }
        "entry.port-range.to" => {
            entries.filter_map(|entry| entry.ports).map(|(_, to)| to.to_string()).collect()
        }
        "entry.protocol" => entries.map(|entry| entry.protocol.clone()).collect(),
        "entry.rule-action" => entries.map(|entry| render::network_acl::action(entry).to_string()).collect(),
        "entry.rule-number" => entries.map(|entry| entry.rule_number.to_string()).collect(),
        "network-acl-id" => vec![acl.id.clone()],
        "owner-id" => vec![acl.scope.account.clone()],
        "vpc-id" => vec![acl.vpc_id.clone()],
        _ => Vec::new(),
    }
}
