//! DescribeSecurityGroups.

use state_model::ec2::SecurityGroup;
use state_model::ec2::security_group::{RulePeer, SecurityGroupRule};
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeSecurityGroupsRequest, DescribeSecurityGroupsResult};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, group_lookup, ids, render};

const FILTERS: &[&str] = &[
    "description",
    "egress.ip-permission.cidr",
    "egress.ip-permission.from-port",
    "egress.ip-permission.group-id",
    "egress.ip-permission.group-name",
    "egress.ip-permission.ipv6-cidr",
    "egress.ip-permission.prefix-list-id",
    "egress.ip-permission.protocol",
    "egress.ip-permission.to-port",
    "egress.ip-permission.user-id",
    "group-id",
    "group-name",
    "ip-permission.cidr",
    "ip-permission.from-port",
    "ip-permission.group-id",
    "ip-permission.group-name",
    "ip-permission.ipv6-cidr",
    "ip-permission.prefix-list-id",
    "ip-permission.protocol",
    "ip-permission.to-port",
    "ip-permission.user-id",
    "owner-id",
    "vpc-id",
];

pub async fn describe_security_groups(
    context: Context,
    input: DescribeSecurityGroupsRequest,
) -> Result<DescribeSecurityGroupsResult, ServiceError> {
    context.authorise("ec2:DescribeSecurityGroups", "*")?;
    let view = context.view();
    let mut given = input.group_ids.unwrap_or_default();
    // Names are of the default VPC; a group may be named by both.
    for name in input.group_names.unwrap_or_default() {
        given.push(group_lookup::by_name(&view, &context.scope, &name)?.id.clone());
    }
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    let rows = ids::SECURITY_GROUP.rows(&view.security_groups, &context.scope, &given, &page)?;
    check_dry_run(input.dry_run)?;
    let matching = rows
        .into_iter()
        .filter(|(_, row)| filters.match_resource(&row.tags, |name| values(&view, row, name)));
    let (found, next_token) =
        page.take(matching.map(|(key, row)| (key, render::security_group::security_group(&view, row))));
    Ok(DescribeSecurityGroupsResult { security_groups: Some(found), next_token })
}

fn values(view: &View, group: &SecurityGroup, filter: &str) -> Vec<String> {
    let (is_egress, of_rules) = match filter.strip_prefix("egress.") {
        Some(rest) => (true, rest.strip_prefix("ip-permission.")),
        None => (false, filter.strip_prefix("ip-permission.")),
    };
    if let Some(name) = of_rules {
        let rules = group.rules.iter().filter(|rule| rule.is_egress == is_egress);
        return rules.filter_map(|rule| rule_value(view, group, rule, name)).collect();
    }
    let value = match filter {
        "description" => group.description.clone(),
        "group-id" => group.id.clone(),
        "group-name" => group.name.clone(),
        "owner-id" => group.scope.account.clone(),
        "vpc-id" => group.vpc_id.clone(),
        _ => return Vec::new(),
    };
    vec![value]
}

fn rule_value(view: &View, group: &SecurityGroup, rule: &SecurityGroupRule, name: &str) -> Option<String> {
    let peer_group = match &rule.peer {
        RulePeer::Group { id, account } => Some((id, account)),
        _ => None,
    };
    match name {
        "cidr" => render::security_group::ipv4(&rule.peer),
        "ipv6-cidr" => render::security_group::ipv6(&rule.peer),
        "prefix-list-id" => render::security_group::prefix_list(&rule.peer),
        "from-port" => Some(rule.from_port.to_string()),
        "to-port" => Some(rule.to_port.to_string()),
        "protocol" => Some(render::security_group::protocol(rule.protocol)),
        "group-id" => peer_group.map(|(id, _)| id.clone()),
        "user-id" => peer_group.map(|(_, account)| account.clone()),
        "group-name" => {
            let key = group.scope.key(peer_group?.0);
            view.security_groups.get(&key).map(|peer| peer.name.clone())
        }
        _ => None,
    }
}
