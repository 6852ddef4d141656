//! GetSecurityGroupsForVpc: the groups that interfaces in the VPC may have. None is shared between VPCs here.

use state_model::ec2::SecurityGroup;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    GetSecurityGroupsForVpcRequest, GetSecurityGroupsForVpcResult, SecurityGroupForVpc,
};

use super::errors::{check_dry_run, missing_parameter};
use super::filters::Filters;
use super::page::Page;
use super::{Context, ids, tags};

const FILTERS: &[&str] = &["description", "group-id", "group-name", "owner-id", "primary-vpc-id"];

pub async fn get_security_groups_for_vpc(
    context: Context,
    input: GetSecurityGroupsForVpcRequest,
) -> Result<GetSecurityGroupsForVpcResult, ServiceError> {
    context.authorise("ec2:GetSecurityGroupsForVpc", "*")?;
    let vpc_id = input.vpc_id.ok_or_else(|| missing_parameter("VpcId"))?;
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&(&filters, &vpc_id), &[], input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    ids::VPC.row(&view.vpcs, &context.scope, &vpc_id)?;
    check_dry_run(input.dry_run)?;
    let groups = view.security_groups.entries_by("vpc", &context.scope.key(&vpc_id));
    let matching = groups
        .filter(|(key, _)| page.after.as_deref().is_none_or(|after| *key > after))
        .filter(|(_, group)| filters.match_resource(&group.tags, |name| values(group, name)));
    let (found, next_token) = page.take(matching.map(|(key, group)| (key.to_owned(), shown(group))));
    Ok(GetSecurityGroupsForVpcResult { next_token, security_group_for_vpcs: Some(found) })
}

fn values(group: &SecurityGroup, filter: &str) -> Vec<String> {
    let value = match filter {
        "description" => &group.description,
        "group-id" => &group.id,
        "group-name" => &group.name,
        "owner-id" => &group.scope.account,
        "primary-vpc-id" => &group.vpc_id,
        _ => return Vec::new(),
    };
    vec![value.clone()]
}

fn shown(group: &SecurityGroup) -> SecurityGroupForVpc {
    SecurityGroupForVpc {
        description: Some(group.description.clone()),
        group_id: Some(group.id.clone()),
        group_name: Some(group.name.clone()),
        owner_id: Some(group.scope.account.clone()),
        primary_vpc_id: Some(group.vpc_id.clone()),
        tags: Some(tags::render(&group.tags)),
    }
}
