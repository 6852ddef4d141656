//! Adding, removing and describing rules: the same for both directions.

use state_model::ec2::security_group::{RulePeer, SecurityGroupRule};
use state_model::ec2::{PrefixList, SecurityGroup};
use state_tables::{Row, Transaction, View};
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use super::errors::{self, check_dry_run, invalid_parameter_combination, missing_parameter};
use super::group_lookup::GroupName;
use super::limits::RULES_PER_DIRECTION_MAX;
use super::permissions::{self, Named, Permission};
use super::{Context, ids, render, tags};

/// A change to the rules of one group and direction.
pub struct Target {
    pub group: GroupName,
    pub is_egress: bool,
    pub dry_run: Option<bool>,
}

impl Target {
    /// Authorises the change on what the request names: the group's ARN, or its name where the id is not
    /// known yet.
    pub fn authorise(&self, context: &Context, action: &str) -> Result<(), ServiceError> {
        let resource = match &self.group.id {
            Some(id) => context.scope.arn("ec2", &format!("security-group/{id}")),
            None => context.scope.arn("ec2", "security-group/*"),
        };
        context.authorise(action, &resource)
    }
}

/// Adds rules, all or none.
pub async fn authorize(
    context: &Context,
    target: &Target,
    given: &[wire::IpPermission],
    specifications: Option<Vec<wire::TagSpecification>>,
) -> Result<Vec<wire::SecurityGroupRule>, ServiceError> {
    let tags = tags::from_specifications(specifications, &wire::ResourceType::SecurityGroupRule)?;
    let (group, added) = context
        .transact(|view, transaction| {
            let row = target.group.find(view, &context.scope)?;
            let permissions = permissions::parse(view, &context.scope, row, given, Named::MustExist)?;
            let mut group = SecurityGroup::clone(row.record());
            let added: Vec<SecurityGroupRule> = permissions
                .into_iter()
                .map(|permission| {
                    let Permission { protocol, from_port, to_port, peer, description } = permission;
                    SecurityGroupRule {
                        id: ids::new_id("sgr", &*context.random),
                        is_egress: target.is_egress,
                        protocol,
                        from_port,
                        to_port,
                        peer,
                        description,
                        tags: tags.clone(),
                    }
                })
                .collect();
            check_new(view, &group, &added)?;
            check_dry_run(target.dry_run)?;
            group.rules.extend(added.iter().cloned());
            expect_named(view, transaction, row, &added);
            transaction.update(row, &group);
            Ok((group, added))
        })
        .await?;
    let view = context.view();
    Ok(added.iter().map(|rule| render::security_group::rule(&view, &group, rule)).collect())
}

/// What rules name must not go while the rules come: groups, and prefix lists.
pub fn expect_named(
    view: &View,
    transaction: &mut Transaction,
    group: &Row<SecurityGroup>,
    rules: &[SecurityGroupRule],
) {
    for peer in render::security_group::peers(view, &group.scope, rules) {
        if peer.id != group.id {
            transaction.expect(peer);
        }
    }
    for rule in rules {
        if let RulePeer::PrefixList(id) = &rule.peer
            && let Some(list) = view.prefix_lists.get(&group.scope.key(id))
        {
            transaction.expect(list);
        }
    }
}

fn check_new(view: &View, group: &SecurityGroup, added: &[SecurityGroupRule]) -> Result<(), ServiceError> {
    for rule in added {
        let permission = permission_of(rule);
        let same =
            |other: &&SecurityGroupRule| other.is_egress == rule.is_egress && permission.says_the_same(other);
        if group.rules.iter().find(same).is_some() {
            let message = format!("the specified rule \"{}\" already exists", permission.words());
            return Err(ServiceError::caller("InvalidPermission.Duplicate", message));
        }
    }
    check_count(view, group, added)
}

/// Checks the quota of rules for a group that gets `added` besides its own.
pub fn check_count(
    view: &View,
    group: &SecurityGroup,
    added: &[SecurityGroupRule],
) -> Result<(), ServiceError> {
    let count = |is_egress: bool| -> usize {
        let rules = group.rules.iter().chain(added).filter(|rule| rule.is_egress == is_egress);
        rules.map(|rule| weight(view, group, rule)).sum()
    };
    if count(false) > RULES_PER_DIRECTION_MAX || count(true) > RULES_PER_DIRECTION_MAX {
        let message = "The maximum number of rules per security group has been reached.";
        return Err(ServiceError::caller("RulesPerSecurityGroupLimitExceeded", message));
    }
    Ok(())
}

/// A rule that names a prefix list counts as many as the list may have entries.
fn weight(view: &View, group: &SecurityGroup, rule: &SecurityGroupRule) -> usize {
    match &rule.peer {
        RulePeer::PrefixList(id) => state_tables::prefix_lists::weight(view, &group.scope, id).unwrap_or(1),
        _ => 1,
    }
}

/// Whether the groups that name `list` still keep their quota, once it may have as many entries as `list` says.
pub fn check_users_of_list(view: &View, list: &PrefixList) -> Result<(), ServiceError> {
    let Some(before) = state_tables::prefix_lists::weight(view, &list.scope, &list.id) else { return Ok(()) };
    let after = usize::try_from(list.max_entries).unwrap_or(0);
    for group in view.security_groups.by("prefix-list", &list.scope.key(&list.id)) {
        for is_egress in [false, true] {
            let rules = || group.rules.iter().filter(|rule| rule.is_egress == is_egress);
            let naming = rules().filter(|rule| rule.peer == RulePeer::PrefixList(list.id.clone())).count();
            let total: usize = rules().map(|rule| weight(view, group, rule)).sum();
            if total + naming * after > RULES_PER_DIRECTION_MAX + naming * before {
                let message = format!(
                    "The following VPC Security Group resource references the prefix list and would exceed its rule \
                     limit: {}",
                    group.id
                );
                return Err(ServiceError::caller("RulesPerSecurityGroupLimitExceeded", message));
            }
        }
    }
    Ok(())
}

pub fn permission_of(rule: &SecurityGroupRule) -> Permission {
    Permission {
        protocol: rule.protocol,
        from_port: rule.from_port,
        to_port: rule.to_port,
        peer: rule.peer.clone(),
        description: rule.description.clone(),
    }
}

/// What was removed, and the permissions that no rule had.
#[derive(Debug, Default)]
pub struct Revoked {
    pub rules: Vec<wire::RevokedSecurityGroupRule>,
    pub unknown: Vec<wire::IpPermission>,
}

/// Removes rules by their ids or by what they say.
///
/// A permission that no rule has is an error, except in the default VPC, where the answer names it.
pub async fn revoke(
    context: &Context,
    target: &Target,
    given: &[wire::IpPermission],
    rule_ids: &[String],
) -> Result<Revoked, ServiceError> {
    if !given.is_empty() && !rule_ids.is_empty() {
        return Err(invalid_parameter_combination(
            "The parameter securityGroupRuleIds cannot be used with the parameter ipPermissions",
        ));
    }
    context
        .transact(|view, transaction| {
            let row = target.group.find(view, &context.scope)?;
            let mut revoked = Revoked::default();
            let doomed = if rule_ids.is_empty() {
                let permissions = permissions::parse(view, &context.scope, row, given, Named::AsInRules)?;
                by_permissions(view, row, target.is_egress, &permissions, &mut revoked)?
            } else {
                by_ids(row, target.is_egress, rule_ids)?
            };
            check_dry_run(target.dry_run)?;
            let mut group = SecurityGroup::clone(row.record());
            let (gone, kept) = group.rules.into_iter().partition(|rule| doomed.contains(&rule.id));
            group.rules = kept;
            let gone: Vec<SecurityGroupRule> = gone;
            revoked.rules = gone.iter().map(|rule| render::security_group::revoked(&row.id, rule)).collect();
            if !gone.is_empty() {
                transaction.update(row, &group);
            }
            Ok(revoked)
        })
        .await
}

fn by_permissions(
    view: &View,
    row: &Row<SecurityGroup>,
    is_egress: bool,
    permissions: &[Permission],
    revoked: &mut Revoked,
) -> Result<Vec<String>, ServiceError> {
    let vpc_is_default = view.vpcs.get(&row.scope.key(&row.vpc_id)).is_some_and(|vpc| vpc.is_default);
    let mut doomed = Vec::new();
    for permission in permissions {
        let mut rules = row.rules.iter();
        match rules.find(|rule| rule.is_egress == is_egress && permission.says_the_same(rule)) {
            Some(rule) => doomed.push(rule.id.clone()),
            None if vpc_is_default => {
                revoked.unknown.push(render::security_group::unknown_permission(permission));
            }
            None => return Err(errors::rule_not_found()),
        }
    }
    Ok(doomed)
}

fn by_ids(
    row: &Row<SecurityGroup>,
    is_egress: bool,
    rule_ids: &[String],
) -> Result<Vec<String>, ServiceError> {
    let unique = ids::unique(rule_ids)?;
    unique.into_iter().map(|id| Ok(rule_by_id(row, is_egress, id)?.id.clone())).collect()
}

fn rule_by_id<'g>(
    group: &'g SecurityGroup,
    is_egress: bool,
    id: &str,
) -> Result<&'g SecurityGroupRule, ServiceError> {
    ids::SECURITY_GROUP_RULE.check(id)?;
    let found = group.rules.iter().find(|rule| rule.id == id && rule.is_egress == is_egress);
    found.ok_or_else(|| ids::SECURITY_GROUP_RULE.unknown(id))
}

/// Replaces the descriptions of rules that exist; one that is left out is removed.
pub async fn describe(
    context: &Context,
    target: &Target,
    given: &[wire::IpPermission],
    by_id: &[wire::SecurityGroupRuleDescription],
) -> Result<(), ServiceError> {
    if given.is_empty() == by_id.is_empty() {
        return Err(if given.is_empty() {
            missing_parameter("ipPermissions or securityGroupRuleDescriptions")
        } else {
            invalid_parameter_combination(
                "The parameter ipPermissions cannot be used with the parameter securityGroupRuleDescriptions",
            )
        });
    }
    context
        .transact(|view, transaction| {
            let row = target.group.find(view, &context.scope)?;
            let mut changes: Vec<(String, Option<String>)> = Vec::new();
            for permission in permissions::parse(view, &context.scope, row, given, Named::AsInRules)? {
                let mut rules = row.rules.iter().filter(|rule| rule.is_egress == target.is_egress);
                let rule = rules.find(|rule| permission.says_the_same(rule));
                let rule = rule.ok_or_else(errors::rule_not_found)?;
                changes.push((rule.id.clone(), permission.description));
            }
            for change in by_id {
                let id = change.security_group_rule_id.as_deref().unwrap_or_default();
                let rule = rule_by_id(row, target.is_egress, id)?;
                permissions::check_description(change.description.as_deref())?;
                let description = change.description.clone().filter(|text| !text.is_empty());
                changes.push((rule.id.clone(), description));
            }
            check_dry_run(target.dry_run)?;
            let mut group = SecurityGroup::clone(row.record());
            for (id, description) in changes {
                if let Some(rule) = group.rules.iter_mut().find(|rule| rule.id == id) {
                    rule.description = description;
                }
            }
            transaction.update(row, &group);
            Ok(())
        })
        .await
}
