//! Targets besides PutTargets.

use std::collections::BTreeSet;

use api_auth::Context;
use state_model::events::rule::Rule;
use state_tables::page as pages;
use wire_schema::ServiceError;
use wire_shapes_messaging::events;

use super::names::{authorise_rule, find_bus, find_own_rule, find_rule};
use super::validation::{NameConstraints, Violations};
use super::{Events, page, target};

pub async fn remove_targets(
    context: Context<Events>,
    input: events::RemoveTargetsRequest,
) -> Result<events::RemoveTargetsResponse, ServiceError> {
    let bus =
        authorise_rule(&context, "RemoveTargets", input.rule.as_deref(), input.event_bus_name.as_deref())?;
    let ids = input.ids.unwrap_or_default();
    let mut violations = Violations::default();
    violations.name(input.rule.as_deref(), "rule", 64, "");
    violations.count(ids.len(), "ids", 1, 100);
    violations.check()?;
    let name = input.rule.unwrap_or_default();
    let missing = context
        .transact(|view, transaction| {
            let row = find_own_rule(view, &context.scope, &bus, &name)?;
            let mut rule = Rule::clone(row);
            let known: BTreeSet<_> = rule.targets.iter().map(|target| target.id.clone()).collect();
            rule.targets.retain(|target| !ids.contains(&target.id));
            if rule.targets.len() < known.len() {
                transaction.update(row, &rule);
            }
            Ok(ids.iter().filter(|id| !known.contains(*id)).cloned().collect::<Vec<_>>())
        })
        .await?;
    let failed = missing.into_iter().map(|id| events::RemoveTargetsResultEntry {
        error_code: Some("ResourceNotFoundException".into()),
        error_message: Some(format!("Rule {name} does not have a target with the Id {id}.")),
        target_id: Some(id),
    });
    let failed: Vec<_> = failed.collect();
    let count = i32::try_from(failed.len()).unwrap_or(i32::MAX);
    Ok(events::RemoveTargetsResponse { failed_entry_count: Some(count), failed_entries: Some(failed) })
}

pub async fn list_targets_by_rule(
    context: Context<Events>,
    input: events::ListTargetsByRuleRequest,
) -> Result<events::ListTargetsByRuleResponse, ServiceError> {
    let bus = authorise_rule(
        &context,
        "ListTargetsByRule",
        input.rule.as_deref(),
        input.event_bus_name.as_deref(),
    )?;
    let mut violations = Violations::default();
    violations.name(input.rule.as_deref(), "rule", 64, "");
    violations.in_range(input.limit, "limit", 1, 100);
    violations.check()?;
    let name = input.rule.unwrap_or_default();
    let view = context.view();
    let rule = find_rule(&view, &context.scope, &bus, &name)?;
    let parameters = format!("targets {}", rule.arn());
    let after = input.next_token.map(|token| page::place(&parameters, &token)).transpose()?;
    let from = after.and_then(|after| after.parse::<usize>().ok()).unwrap_or(0);
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(100);
    let targets: Vec<_> = rule.targets.iter().skip(from).take(limit).map(target::write).collect();
    let end = from + targets.len();
    let next_token = (end < rule.targets.len()).then(|| pages::token(&parameters, &end.to_string()));
    Ok(events::ListTargetsByRuleResponse { targets: Some(targets), next_token })
}

pub async fn list_rule_names_by_target(
    context: Context<Events>,
    input: events::ListRuleNamesByTargetRequest,
) -> Result<events::ListRuleNamesByTargetResponse, ServiceError> {
    let bus = authorise_rule(&context, "ListRuleNamesByTarget", None, input.event_bus_name.as_deref())?;
    let mut violations = Violations::default();
    violations.required(input.target_arn.as_ref(), "targetArn");
    violations.length(input.target_arn.as_deref(), "targetArn", 1, 1_600);
    violations.in_range(input.limit, "limit", 1, 100);
    violations.check()?;
    let view = context.view();
    find_bus(&view, &context.scope, &bus)?;
    let arn = input.target_arn.unwrap_or_default();
    let parameters = format!("rules {bus} {arn}");
    let after = input.next_token.map(|token| page::place(&parameters, &token)).transpose()?;
    let rules = view.event_rules.by(Rule::TARGET, &context.scope.key(&arn)).filter(|rule| rule.bus == bus);
    // A rule may have the target twice.
    let names: BTreeSet<_> = rules.map(|rule| rule.name.clone()).collect();
    let mut names =
        names.into_iter().filter(|name| after.as_ref().is_none_or(|after| name > after)).peekable();
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(100);
    let shown: Vec<_> = names.by_ref().take(limit).collect();
    let next_token = names.peek().and_then(|_| shown.last()).map(|last| pages::token(&parameters, last));
    Ok(events::ListRuleNamesByTargetResponse { rule_names: Some(shown), next_token })
}
