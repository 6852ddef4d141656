//! DescribeStaleSecurityGroups: groups of a VPC with rules that name a group of a peered VPC which is gone, or which no
//! connection leads to any more.

use state_model::Scope;
use state_model::ec2::SecurityGroup;
use state_model::ec2::security_group::{RulePeer, SecurityGroupRule};
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    DescribeStaleSecurityGroupsRequest, DescribeStaleSecurityGroupsResult, StaleIpPermission,
    StaleSecurityGroup, UserIdGroupPair,
};

use super::errors::{check_dry_run, missing_parameter};
use super::page::Page;
use super::{Context, ids, peering, render};

pub async fn describe_stale_security_groups(
    context: Context,
    input: DescribeStaleSecurityGroupsRequest,
) -> Result<DescribeStaleSecurityGroupsResult, ServiceError> {
    context.authorise("ec2:DescribeStaleSecurityGroups", "*")?;
    let vpc_id = input.vpc_id.ok_or_else(|| missing_parameter("VpcId"))?;
    let page = Page::new(&vpc_id, &[], input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    ids::VPC.row(&view.vpcs, &context.scope, &vpc_id)?;
    check_dry_run(input.dry_run)?;
    let groups = view.security_groups.entries_by("vpc", &context.scope.key(&vpc_id));
    let stale = groups
        .filter(|(key, _)| page.after.as_deref().is_none_or(|after| *key > after))
        .filter_map(|(key, group)| Some((key.to_owned(), stale_group(&view, group)?)));
    let (found, next_token) = page.take(stale);
    Ok(DescribeStaleSecurityGroupsResult { next_token, stale_security_group_set: Some(found) })
}

fn stale_group(view: &View, group: &SecurityGroup) -> Option<StaleSecurityGroup> {
    let permissions = |is_egress: bool| -> Vec<StaleIpPermission> {
        let rules = group.rules.iter().filter(|rule| rule.is_egress == is_egress);
        rules.filter_map(|rule| stale_rule(view, group, rule)).collect()
    };
    let (ingress, egress) = (permissions(false), permissions(true));
    if ingress.is_empty() && egress.is_empty() {
        return None;
    }
    Some(StaleSecurityGroup {
        description: Some(group.description.clone()),
        group_id: Some(group.id.clone()),
        group_name: Some(group.name.clone()),
        stale_ip_permissions: Some(ingress),
        stale_ip_permissions_egress: Some(egress),
        vpc_id: Some(group.vpc_id.clone()),
    })
}

fn stale_rule(view: &View, group: &SecurityGroup, rule: &SecurityGroupRule) -> Option<StaleIpPermission> {
    let RulePeer::Group { id, account } = &rule.peer else { return None };
    let scope = Scope::new(account, &group.scope.region);
    let other = view.security_groups.get(&scope.key(id));
    let connection = other
        .and_then(|other| peering::between(view, &group.scope, &group.vpc_id, &scope, &other.vpc_id))
        .filter(|connection| connection.is_active());
    let in_same_vpc = other.is_some_and(|other| other.scope == group.scope && other.vpc_id == group.vpc_id);
    if in_same_vpc || connection.is_some() {
        return None;
    }
    let shown = render::security_group::rule(view, group, rule);
    Some(StaleIpPermission {
        from_port: shown.from_port,
        ip_protocol: shown.ip_protocol,
        ip_ranges: Some(Vec::new()),
        prefix_list_ids: Some(Vec::new()),
        to_port: shown.to_port,
        user_id_group_pairs: Some(vec![UserIdGroupPair {
            description: rule.description.clone(),
            group_id: Some(id.clone()),
            user_id: Some(account.clone()),
            vpc_id: other.map(|other| other.vpc_id.clone()),
            // A connection that is shown no longer was deleted.
            peering_status: Some(String::from("deleted")),
            ..Default::default()
        }]),
    })
}
