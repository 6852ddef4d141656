//! DescribeSecurityGroupRules: rules one by one, with their ids and tags.

use std::collections::BTreeSet;

use state_model::ec2::SecurityGroup;
use state_model::ec2::security_group::SecurityGroupRule;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeSecurityGroupRulesRequest, DescribeSecurityGroupRulesResult};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, ids, render};

const FILTERS: &[&str] = &["group-id", "security-group-rule-id"];

pub async fn describe_security_group_rules(
    context: Context,
    input: DescribeSecurityGroupRulesRequest,
) -> Result<DescribeSecurityGroupRulesResult, ServiceError> {
    context.authorise("ec2:DescribeSecurityGroupRules", "*")?;
    let given = input.security_group_rule_ids.unwrap_or_default();
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let wanted = ids::unique(&given)?;
    for id in &wanted {
        ids::SECURITY_GROUP_RULE.check(id)?;
        if !view.security_groups.any_by("rule", &context.scope.key(id)) {
            return Err(ids::SECURITY_GROUP_RULE.unknown(id));
        }
    }
    check_dry_run(input.dry_run)?;
    // In order of groups, then of rules: a page may end inside a group, so it begins with the group it ended
    // in.
    let group_of_page = page.after.as_deref().and_then(|after| after.split_once(' ')).map(|(key, _)| key);
    let prefix = context.scope.key("");
    let groups = view.security_groups.prefix(&prefix);
    let groups = groups.skip_while(|(key, _)| group_of_page.is_some_and(|first| *key < first));
    let rules = groups.flat_map(|(key, group)| sorted(group).map(move |rule| (key, group, rule)));
    let matching = rules
        .map(|(key, group, rule)| (format!("{key} {}", rule.id), group, rule))
        .filter(|(key, _, _)| page.after.as_ref().is_none_or(|after| key > after))
        .filter(|(_, _, rule)| wanted.is_empty() || wanted.contains(rule.id.as_str()))
        .filter(|(_, group, rule)| filters.match_resource(&rule.tags, |name| values(group, rule, name)));
    let (found, next_token) =
        page.take(matching.map(|(key, group, rule)| (key, render::security_group::rule(&view, group, rule))));
    Ok(DescribeSecurityGroupRulesResult { security_group_rules: Some(found), next_token })
}

fn sorted(group: &SecurityGroup) -> impl Iterator<Item = &SecurityGroupRule> {
    let by_id: BTreeSet<(&str, usize)> =
        group.rules.iter().enumerate().map(|(at, rule)| (rule.id.as_str(), at)).collect();
    by_id.into_iter().map(|(_, at)| &group.rules[at])
}

fn values(group: &SecurityGroup, rule: &SecurityGroupRule, filter: &str) -> Vec<String> {
    match filter {
        "group-id" => vec![group.id.clone()],
        "security-group-rule-id" => vec![rule.id.clone()],
        _ => Vec::new(),
    }
}
