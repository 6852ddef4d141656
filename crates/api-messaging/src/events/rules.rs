//! Rules besides PutRule.

use api_auth::Context;
use state_model::events::rule::Rule;
use wire_schema::{Empty, ServiceError};
use wire_shapes_messaging::events;

use super::errors::{invalid, rule_managed};
use super::names::{authorise_rule, bus_name, find_bus, find_own_rule, find_rule};
use super::validation::{NameConstraints, Violations};
use super::{Events, page};

/// Deleting a rule that isn't there succeeds, as on AWS.
pub async fn delete_rule(
    context: Context<Events>,
    input: events::DeleteRuleRequest,
) -> Result<Empty, ServiceError> {
    let bus = authorise_rule(&context, "DeleteRule", input.name.as_deref(), input.event_bus_name.as_deref())?;
    let name = checked_name(input.name)?;
    context
        .transact(|view, transaction| {
            find_bus(view, &context.scope, &bus)?;
            let Some(row) = view.event_rules.get(&Rule::key_of(&context.scope, &bus, &name)) else {
                return Ok(());
            };
            if row.managed_by.is_some() {
                // Not even with Force: what such a rule of ours serves would lose its events silently.
                return Err(rule_managed(&name));
            }
            if !row.targets.is_empty() {
                return Err(invalid("Rule can't be deleted since it has targets."));
            }
            transaction.delete(row);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

pub async fn describe_rule(
    context: Context<Events>,
    input: events::DescribeRuleRequest,
) -> Result<events::DescribeRuleResponse, ServiceError> {
    let bus =
        authorise_rule(&context, "DescribeRule", input.name.as_deref(), input.event_bus_name.as_deref())?;
    let name = checked_name(input.name)?;
    let view = context.view();
    let rule = Rule::clone(find_rule(&view, &context.scope, &bus, &name)?);
    Ok(events::DescribeRuleResponse {
        arn: Some(rule.arn()),
        created_by: Some(context.scope.account.clone()),
        state: Some(state(&rule)),
        name: Some(rule.name),
        event_pattern: rule.event_pattern,
        schedule_expression: rule.schedule,
        description: rule.description,
        role_arn: rule.role_arn,
        managed_by: rule.managed_by,
        event_bus_name: Some(rule.bus),
    })
}

pub async fn list_rules(
    context: Context<Events>,
    input: events::ListRulesRequest,
) -> Result<events::ListRulesResponse, ServiceError> {
    let bus = authorise_rule(&context, "ListRules", None, input.event_bus_name.as_deref())?;
    let mut violations = Violations::default();
    violations.optional_name(input.name_prefix.as_deref(), "namePrefix", 64, "");
    violations.in_range(input.limit, "limit", 1, 100);
    violations.check()?;
    let view = context.view();
    find_bus(&view, &context.scope, &bus)?;
    let prefix = Rule::key_of(&context.scope, &bus, input.name_prefix.as_deref().unwrap_or_default());
    let token = input.next_token.as_deref();
    let (rows, next_token) = page::page(&view.event_rules, &prefix, input.limit, token, "rules", |_| true)?;
    let rules = rows.iter().map(|row| Rule::clone(row)).map(|rule| events::Rule {
        arn: Some(rule.arn()),
        state: Some(state(&rule)),
        name: Some(rule.name),
        event_pattern: rule.event_pattern,
        schedule_expression: rule.schedule,
        description: rule.description,
        role_arn: rule.role_arn,
        managed_by: rule.managed_by,
        event_bus_name: Some(rule.bus),
    });
    Ok(events::ListRulesResponse { rules: Some(rules.collect()), next_token })
}

pub async fn enable_rule(
    context: Context<Events>,
    input: events::EnableRuleRequest,
) -> Result<Empty, ServiceError> {
    authorise_rule(&context, "EnableRule", input.name.as_deref(), input.event_bus_name.as_deref())?;
    set_enabled(&context, input.name, input.event_bus_name, true).await
}

pub async fn disable_rule(
    context: Context<Events>,
    input: events::DisableRuleRequest,
) -> Result<Empty, ServiceError> {
    authorise_rule(&context, "DisableRule", input.name.as_deref(), input.event_bus_name.as_deref())?;
    set_enabled(&context, input.name, input.event_bus_name, false).await
}

async fn set_enabled(
    context: &Context<Events>,
    name: Option<String>,
    bus: Option<String>,
    enabled: bool,
) -> Result<Empty, ServiceError> {
    let name = checked_name(name)?;
    let bus = bus_name(&context.scope, bus.as_deref())?;
    context
        .transact(|view, transaction| {
            let row = find_own_rule(view, &context.scope, &bus, &name)?;
            if row.enabled != enabled {
                let next = Rule { enabled, scheduled_at: context.now, ..Rule::clone(row) };
                transaction.update(row, &next);
            }
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

fn state(rule: &Rule) -> events::RuleState {
    if rule.enabled { events::RuleState::Enabled } else { events::RuleState::Disabled }
}

pub fn checked_name(name: Option<String>) -> Result<String, ServiceError> {
    let mut violations = Violations::default();
    violations.name(name.as_deref(), "name", 64, "");
    violations.check()?;
    Ok(name.unwrap_or_default())
}
