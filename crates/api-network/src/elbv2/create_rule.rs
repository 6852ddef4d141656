//! CreateRule.

use state_model::elbv2::load_balancer::LoadBalancerKind;
use state_model::elbv2::{Listener, LoadBalancer, Rule};
use state_model::{Record, Scope};
use state_tables::{Row, Transaction, View, elb_usage};
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{CreateRuleInput, CreateRuleOutput};

use super::errors::{load_balancers_not_found, missing, out_of_range, too_many, validation};
use super::limits::RULES_MAX;
use super::{Context, actions, arns, conditions, forward, render, tags, transforms};

pub async fn create_rule(context: Context, input: CreateRuleInput) -> Result<CreateRuleOutput, ServiceError> {
    let arn = arns::required(input.listener_arn, "listenerArn")?;
    context.authorise("elasticloadbalancing:CreateRule", &arn)?;
    let view = context.view();
    let listener = arns::listener(&view, &context.scope, &arn)?;
    let priority = check_priority(input.priority)?;
    let record = Rule {
        scope: context.scope.clone(),
        listener: listener.path(),
        id: random::hex(&*context.random, 16),
        priority,
        conditions: conditions::parse(input.conditions)?,
        action: actions::parse(input.actions, "actions", &listener.protocol, listener.port)?,
        transforms: transforms::parse(input.transforms)?,
        tags: tags::parse(input.tags)?,
    };
    context
        .transact(|view, transaction| {
            let row = arns::listener(view, &context.scope, &arn)?;
            let load_balancer = load_balancer_of(view, &context.scope, row)?;
            check_kind(load_balancer)?;
            check_priority_is_free(view, row, priority)?;
            let count = elb_usage::rule_count_of_load_balancer(view, &load_balancer.key());
            if count >= RULES_MAX {
                return Err(too_many("TooManyRules", "rules per load balancer", RULES_MAX));
            }
            let from = forward::From { load_balancer, protocol: &row.protocol };
            forward::hold(view, &context, transaction, from, &record.action)?;
            hold_priorities(transaction, row);
            transaction.insert(&record);
            Ok(())
        })
        .await?;
    Ok(CreateRuleOutput { rules: Some(vec![render::rule::rule(&record)]) })
}

pub fn check_priority(given: Option<i32>) -> Result<u32, ServiceError> {
    const PRIORITY_MAX: i32 = 50_000;
    let given = given.ok_or_else(|| missing("priority"))?;
    if !(1..=PRIORITY_MAX).contains(&given) {
        return Err(out_of_range(given, "priority", 1, PRIORITY_MAX));
    }
    Ok(given.unsigned_abs())
}

pub fn load_balancer_of<'v>(
    view: &'v View,
    scope: &Scope,
    listener: &Listener,
) -> Result<&'v Row<LoadBalancer>, ServiceError> {
    view.elb_load_balancers.get(&scope.key(&listener.load_balancer)).ok_or_else(load_balancers_not_found)
}

fn check_kind(load_balancer: &LoadBalancer) -> Result<(), ServiceError> {
    match load_balancer.kind {
        LoadBalancerKind::Application => Ok(()),
        LoadBalancerKind::Network => {
            Err(validation("Rules are not supported for listeners of network load balancers"))
        }
    }
}

fn check_priority_is_free(view: &View, listener: &Listener, priority: u32) -> Result<(), ServiceError> {
    let mut rules = view.elb_rules.by(Rule::LISTENER, &listener.key());
    match rules.any(|rule| rule.priority == priority) {
        false => Ok(()),
        true => Err(priority_in_use(priority)),
    }
}

pub fn priority_in_use(priority: u32) -> ServiceError {
    ServiceError::caller("PriorityInUse", format!("Priority '{priority}' is currently in use"))
}

/// Two rules of one priority must not come at once: whoever gives priorities changes the listener's row.
pub fn hold_priorities(transaction: &mut Transaction, listener: &Row<Listener>) {
    transaction.update(listener, listener.record());
}
