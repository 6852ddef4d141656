use api_auth::Context;
use state_model::events::connection::ApiDestination;
use state_model::events::rule::{Rule, RuleTarget};
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_messaging::events;

use super::Events;
use super::errors::{invalid, limit_exceeded};
use super::limits::TARGETS_PER_RULE_MAX;
use super::names::{authorise_rule, find_own_rule};
use super::target::{self, Kind};
use super::validation::{NameConstraints, Violations};

/// Adds targets, or replaces those with the same id: all of them or none.
pub async fn put_targets(
    context: Context<Events>,
    input: events::PutTargetsRequest,
) -> Result<events::PutTargetsResponse, ServiceError> {
    let bus = authorise_rule(&context, "PutTargets", input.rule.as_deref(), input.event_bus_name.as_deref())?;
    let given = input.targets.unwrap_or_default();
    let mut violations = Violations::default();
    violations.name(input.rule.as_deref(), "rule", 64, "");
    violations.count(given.len(), "targets", 1, 100);
    violations.check()?;
    let name = input.rule.unwrap_or_default();
    let targets: Result<Vec<_>, _> =
        given.into_iter().map(|target| target::read(target, &context.scope)).collect();
    let targets = targets?;
    for role in targets.iter().filter_map(|target| target.role_arn.as_deref()) {
        context.pass_role(role, "events.amazonaws.com")?;
    }
    context
        .transact(|view, transaction| {
            let row = find_own_rule(view, &context.scope, &bus, &name)?;
            let mut rule = Rule::clone(row);
            for target in &targets {
                check_against(view, &rule, target)?;
                match rule.targets.iter_mut().find(|known| known.id == target.id) {
                    Some(known) => *known = target.clone(),
                    None => rule.targets.push(target.clone()),
                }
            }
            if rule.targets.len() > TARGETS_PER_RULE_MAX {
                return Err(limit_exceeded());
            }
            transaction.update(row, &rule);
            Ok(())
        })
        .await?;
    Ok(events::PutTargetsResponse { failed_entry_count: Some(0), failed_entries: Some(Vec::new()) })
}

fn check_against(view: &View, rule: &Rule, target: &RuleTarget) -> Result<(), ServiceError> {
    let kind = target::kind(&target.arn, &rule.scope)?;
    let has_role = target.role_arn.is_some() || rule.role_arn.is_some();
    match kind {
        // Who runs tasks needs leave for that and for passing roles; other buses may be another account's.
        Kind::Ecs | Kind::ApiDestination if !has_role => {
            Err(invalid(format!("RoleArn is required for target {}.", target.arn)))
        }
        Kind::ApiDestination if !view.event_api_destinations.any_by(ApiDestination::ARN, &target.arn) => {
            Err(invalid(format!("API destination {} does not exist.", target.arn)))
        }
        Kind::Bus => check_bus(view, rule, target, has_role),
        _ => Ok(()),
    }
}

fn check_bus(view: &View, rule: &Rule, target: &RuleTarget, has_role: bool) -> Result<(), ServiceError> {
    if target.arn == state_model::events::bus::arn_of(&rule.scope, &rule.bus) {
        return Err(invalid("An event bus can't be the target of its own rules."));
    }
    let Some((scope, name)) = state_model::events::bus::parse_arn(&target.arn) else {
        return Err(invalid("Parameter Arn is not valid. Reason: Provided Arn is not in correct format."));
    };
    if scope.account != rule.scope.account {
        let bus = super::names::find_bus(view, &scope, name)?;
        if !super::permissions::lets_send(bus.policy.as_deref(), &rule.scope.account) {
            return Err(invalid(format!(
                "The policy of {} does not allow this account to send.",
                target.arn
            )));
        }
        if !has_role {
            return Err(invalid(format!("RoleArn is required for target {}.", target.arn)));
        }
    }
    Ok(())
}
