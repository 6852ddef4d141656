//! ModifyRule: what isn't given stays. Priorities change by SetRulePriorities.

use state_model::elbv2::{Listener, Rule};
use state_tables::Row;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{ModifyRuleInput, ModifyRuleOutput};

use super::arns::FoundRule;
use super::errors::{listener_not_found, not_permitted, validation};
use super::{Context, actions, arns, conditions, create_rule, forward, render, transforms};

pub async fn modify_rule(context: Context, input: ModifyRuleInput) -> Result<ModifyRuleOutput, ServiceError> {
    let arn = arns::required(input.rule_arn.clone(), "ruleArn")?;
    context.authorise("elasticloadbalancing:ModifyRule", &arn)?;
    let reset = input.reset_transforms.unwrap_or(false);
    if reset && input.transforms.as_ref().is_some_and(|given| !given.is_empty()) {
        return Err(validation("Transforms cannot be specified when they are to be reset"));
    }
    let record = context
        .transact(|view, transaction| {
            let FoundRule::Rule(row) = arns::rule(view, &context.scope, &arn)? else {
                return Err(not_permitted(format!("Default rule '{arn}' cannot be modified")));
            };
            let listener = view.elb_listeners.get(&context.scope.key(&row.listener));
            let listener = listener.ok_or_else(listener_not_found)?;
            let record = changed(row, listener, &input)?;
            let load_balancer = create_rule::load_balancer_of(view, &context.scope, listener)?;
            let from = forward::From { load_balancer, protocol: &listener.protocol };
            forward::hold(view, &context, transaction, from, &record.action)?;
            // The listener's protocol decides about the action.
            transaction.expect(listener);
            transaction.update(row, &record);
            Ok(record)
        })
        .await?;
    Ok(ModifyRuleOutput { rules: Some(vec![render::rule::rule(&record)]) })
}

fn changed(row: &Row<Rule>, listener: &Row<Listener>, input: &ModifyRuleInput) -> Result<Rule, ServiceError> {
    let mut record = Rule::clone(row.record());
    if input.conditions.as_ref().is_some_and(|given| !given.is_empty()) {
        record.conditions = conditions::parse(input.conditions.clone())?;
    }
    if input.actions.as_ref().is_some_and(|given| !given.is_empty()) {
        let given = input.actions.clone();
        record.action = actions::parse(given, "actions", &listener.protocol, listener.port)?;
    }
    if input.transforms.as_ref().is_some_and(|given| !given.is_empty()) {
        record.transforms = transforms::parse(input.transforms.clone())?;
    }
    if input.reset_transforms == Some(true) {
        record.transforms.clear();
    }
    Ok(record)
}
