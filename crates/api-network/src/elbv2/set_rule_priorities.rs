//! SetRulePriorities: all of them at once or none.

use std::collections::{BTreeMap, BTreeSet};

use state_model::Record;
use state_model::elbv2::Rule;
use state_tables::{Row, View, elb_usage};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{RulePriorityPair, SetRulePrioritiesInput, SetRulePrioritiesOutput};

use super::arns::FoundRule;
use super::create_rule::{check_priority, hold_priorities, priority_in_use};
use super::errors::{listener_not_found, missing, not_permitted, validation};
use super::limits::PRIORITIES_PER_REQUEST_MAX;
use super::{Context, arns, render};

pub async fn set_rule_priorities(
    context: Context,
    input: SetRulePrioritiesInput,
) -> Result<SetRulePrioritiesOutput, ServiceError> {
    let given = input.rule_priorities.filter(|given| !given.is_empty());
    let wanted = parse(given.ok_or_else(|| missing("rulePriorities"))?)?;
    for arn in wanted.keys() {
        context.authorise("elasticloadbalancing:SetRulePriorities", arn)?;
    }
    let records = context
        .transact(|view, transaction| {
            let rows = find(view, &context, &wanted)?;
            let listeners: BTreeSet<&String> = rows.iter().map(|(row, _)| &row.listener).collect();
            for path in listeners {
                let listener = view.elb_listeners.get(&context.scope.key(path));
                let listener = listener.ok_or_else(listener_not_found)?;
                check_unique(view, &listener.key(), &rows)?;
                hold_priorities(transaction, listener);
            }
            let mut records = Vec::new();
            for (row, priority) in rows {
                let record = Rule { priority, ..Rule::clone(row.record()) };
                transaction.update(row, &record);
                records.push(record);
            }
            Ok(records)
        })
        .await?;
    Ok(SetRulePrioritiesOutput { rules: Some(records.iter().map(render::rule::rule).collect()) })
}

fn parse(given: Vec<RulePriorityPair>) -> Result<BTreeMap<String, u32>, ServiceError> {
    if given.len() > PRIORITIES_PER_REQUEST_MAX {
        return Err(validation(format!(
            "At most {PRIORITIES_PER_REQUEST_MAX} priorities can be set in a request"
        )));
    }
    let mut wanted = BTreeMap::new();
    for pair in given {
        let arn = arns::required(pair.rule_arn, "rulePriorities.member.ruleArn")?;
        let priority = check_priority(pair.priority)?;
        if wanted.insert(arn.clone(), priority).is_some() {
            return Err(validation(format!("Rule '{arn}' has been specified more than once")));
        }
    }
    Ok(wanted)
}

fn find<'v>(
    view: &'v View,
    context: &Context,
    wanted: &BTreeMap<String, u32>,
) -> Result<Vec<(&'v Row<Rule>, u32)>, ServiceError> {
    let find = |(arn, priority): (&String, &u32)| match arns::rule(view, &context.scope, arn)? {
        FoundRule::Rule(row) => Ok((row, *priority)),
        FoundRule::Default(_) => {
            Err(not_permitted(format!("Priority of default rule '{arn}' cannot be modified")))
        }
    };
    wanted.iter().map(find).collect()
}

/// No two rules of the listener have one priority when the change is made.
fn check_unique(view: &View, listener: &str, changes: &[(&Row<Rule>, u32)]) -> Result<(), ServiceError> {
    let changes: BTreeMap<String, u32> =
        changes.iter().map(|(row, priority)| (row.key(), *priority)).collect();
    let mut seen = BTreeSet::new();
    for rule in elb_usage::rules_of_listener(view, listener) {
        let priority = changes.get(&rule.key()).copied().unwrap_or(rule.priority);
        if !seen.insert(priority) {
            return Err(priority_in_use(priority));
        }
    }
    Ok(())
}
