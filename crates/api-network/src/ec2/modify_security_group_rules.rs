//! ModifySecurityGroupRules: replaces what rules say. A rule keeps its id, its direction and its kind of
//! peer.

use state_model::Scope;
use state_model::ec2::SecurityGroup;
use state_model::ec2::security_group::{RulePeer, SecurityGroupRule};
use state_tables::{Row, View};
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    ModifySecurityGroupRulesRequest, ModifySecurityGroupRulesResult, SecurityGroupRuleRequest,
};

use super::errors::{check_dry_run, invalid_parameter_value, missing_parameter};
use super::group_lookup::GroupName;
use super::permissions;
use super::rule_changes::{self, Target, permission_of};
use super::{Context, ids, prefix_lists};

pub async fn modify_security_group_rules(
    context: Context,
    input: ModifySecurityGroupRulesRequest,
) -> Result<ModifySecurityGroupRulesResult, ServiceError> {
    let group_id = input.group_id.ok_or_else(|| missing_parameter("GroupId"))?;
    let group = GroupName { id: Some(group_id), name: None };
    let target = Target { group, is_egress: false, dry_run: input.dry_run };
    target.authorise(&context, "ec2:ModifySecurityGroupRules")?;
    let updates = input.security_group_rules.unwrap_or_default();
    if updates.is_empty() {
        return Err(missing_parameter("SecurityGroupRule"));
    }
    context
        .transact(|view, transaction| {
            let row = target.group.find(view, &context.scope)?;
            let mut group = SecurityGroup::clone(row.record());
            let mut changed = Vec::new();
            for update in &updates {
                let id = update.security_group_rule_id.as_deref();
                let id = id.ok_or_else(|| missing_parameter("SecurityGroupRuleId"))?;
                ids::SECURITY_GROUP_RULE.check(id)?;
                let wanted = update.security_group_rule.as_ref();
                let wanted = wanted.ok_or_else(|| missing_parameter("SecurityGroupRule"))?;
                let at = group.rules.iter().position(|rule| rule.id == id);
                let at = at.ok_or_else(|| ids::SECURITY_GROUP_RULE.unknown(id))?;
                let modified = modify(view, &context.scope, row, &group.rules[at], wanted)?;
                changed.push(modified.clone());
                group.rules[at] = modified;
            }
            check_distinct(&group)?;
            rule_changes::check_count(view, &group, &[])?;
            check_dry_run(target.dry_run)?;
            rule_changes::expect_named(view, transaction, row, &changed);
            transaction.update(row, &group);
            Ok(())
        })
        .await?;
    Ok(ModifySecurityGroupRulesResult { r#return: Some(true) })
}

fn modify(
    view: &View,
    scope: &Scope,
    group: &Row<SecurityGroup>,
    rule: &SecurityGroupRule,
    wanted: &SecurityGroupRuleRequest,
) -> Result<SecurityGroupRule, ServiceError> {
    let (protocol, from_port, to_port) =
        permissions::traffic(wanted.ip_protocol.as_deref(), wanted.from_port, wanted.to_port)?;
    permissions::check_description(wanted.description.as_deref())?;
    Ok(SecurityGroupRule {
        protocol,
        from_port,
        to_port,
        peer: peer(view, scope, group, rule, wanted)?,
        description: wanted.description.clone().filter(|text| !text.is_empty()),
        ..rule.clone()
    })
}

fn peer(
    view: &View,
    scope: &Scope,
    group: &Row<SecurityGroup>,
    rule: &SecurityGroupRule,
    wanted: &SecurityGroupRuleRequest,
) -> Result<RulePeer, ServiceError> {
    let given = [
        ("CidrIpv4", wanted.cidr_ipv4.as_ref()),
        ("CidrIpv6", wanted.cidr_ipv6.as_ref()),
        ("PrefixListId", wanted.prefix_list_id.as_ref()),
        ("ReferencedGroupId", wanted.referenced_group_id.as_ref()),
    ];
    let (member, kind) = match &rule.peer {
        RulePeer::Ipv4(_) => ("CidrIpv4", "IPv4 CIDR"),
        RulePeer::Ipv6(_) => ("CidrIpv6", "IPv6 CIDR"),
        RulePeer::PrefixList(_) => ("PrefixListId", "prefix list"),
        RulePeer::Group { .. } => ("ReferencedGroupId", "referenced group id"),
    };
    let mut value = None;
    for (name, text) in given {
        match text {
            Some(text) if name == member => value = Some(text),
            Some(_) => {
                return Err(invalid_parameter_value(format!(
                    "Invalid rule type for security group rule '{}'. You may not specify {name} for an existing \
                     {kind} rule.",
                    rule.id
                )));
            }
            None => {}
        }
    }
    let value = value.ok_or_else(|| missing_parameter(member))?;
    match &rule.peer {
        RulePeer::Ipv4(_) => permissions::ipv4_block(value).map(RulePeer::Ipv4),
        RulePeer::Ipv6(_) => permissions::ipv6_block(value).map(RulePeer::Ipv6),
        RulePeer::PrefixList(_) => {
            prefix_lists::check_exists(view, scope, value)?;
            Ok(RulePeer::PrefixList(value.clone()))
        }
        RulePeer::Group { .. } => permissions::peer_group(view, scope, group, None, value),
    }
}

/// No two rules of one direction may say the same, whichever of them was modified.
fn check_distinct(group: &SecurityGroup) -> Result<(), ServiceError> {
    for (at, rule) in group.rules.iter().enumerate() {
        let permission = permission_of(rule);
        let mut others = group.rules[at + 1..].iter();
        if others.any(|other| other.is_egress == rule.is_egress && permission.says_the_same(other)) {
            let message = format!("the specified rule \"{}\" already exists", permission.words());
            return Err(ServiceError::caller("InvalidPermission.Duplicate", message));
        }
    }
    Ok(())
}
