use api_auth::Context;
use state_model::events::DEFAULT_BUS;
use state_model::events::bus::Bus;
use state_model::events::pattern::Pattern;
use state_model::events::rule::Rule;
use state_model::iam::parse_role_arn;
use state_model::schedule::{Expression, Rules};
use wire_schema::ServiceError;
use wire_shapes_messaging::events;

use super::errors::{bad_pattern, invalid, limit_exceeded, not_served, rule_managed};
use super::limits::RULES_PER_BUS_MAX;
use super::names::{authorise_rule, find_bus};
use super::validation::{NameConstraints, Violations};
use super::{Events, tags};

/// Makes a rule, or replaces what it says: its targets and tags stay.
pub async fn put_rule(
    context: Context<Events>,
    input: events::PutRuleRequest,
) -> Result<events::PutRuleResponse, ServiceError> {
    let bus = authorise_rule(&context, "PutRule", input.name.as_deref(), input.event_bus_name.as_deref())?;
    let mut rule = new_rule(&context, &input, bus)?;
    tags::merge(&mut rule.tags, input.tags.as_deref().unwrap_or_default())?;
    if let Some(role) = &rule.role_arn {
        context.pass_role(role, "events.amazonaws.com")?;
    }
    context
        .transact(|view, transaction| {
            find_bus(view, &context.scope, &rule.bus)?;
            let of = Bus::key_of(&context.scope, &rule.bus);
            view.event_buses.get(&of).into_iter().for_each(|row| transaction.expect(row));
            let prefix = Rule::key_of(&context.scope, &rule.bus, "");
            match view.event_rules.get(&Rule::key_of(&context.scope, &rule.bus, &rule.name)) {
                Some(row) if row.managed_by.is_some() => return Err(rule_managed(&rule.name)),
                Some(row) => {
                    let same = row.schedule == rule.schedule && row.enabled == rule.enabled;
                    let next = Rule {
                        created_at: row.created_at,
                        scheduled_at: if same { row.scheduled_at } else { context.now },
                        // A rule that exists takes no tags here, as on AWS: TagResource does.
                        tags: row.tags.clone(),
                        targets: row.targets.clone(),
                        ..rule.clone()
                    };
                    transaction.update(row, &next);
                }
                None if view.event_rules.prefix(&prefix).count() >= RULES_PER_BUS_MAX => {
                    return Err(limit_exceeded());
                }
                None => transaction.insert(&rule),
            }
            Ok(())
        })
        .await?;
    Ok(events::PutRuleResponse { rule_arn: Some(rule.arn()) })
}

fn new_rule(
    context: &Context<Events>,
    input: &events::PutRuleRequest,
    bus: String,
) -> Result<Rule, ServiceError> {
    let mut violations = Violations::default();
    violations.name(input.name.as_deref(), "name", 64, "");
    violations.length(input.schedule_expression.as_deref(), "scheduleExpression", 0, 256);
    violations.length(input.event_pattern.as_deref(), "eventPattern", 0, 4_096);
    violations.length(input.description.as_deref(), "description", 0, 512);
    violations.length(input.role_arn.as_deref(), "roleArn", 1, 1_600);
    let state = input.state.as_ref().map(|state| state.as_str());
    violations.one_of(state, "state", events::RuleState::VALUES);
    violations.check()?;
    if state == Some("ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS") {
        return Err(not_served(
            "The state ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS (there is no CloudTrail)",
        ));
    }
    let schedule = input.schedule_expression.clone().filter(|text| !text.is_empty());
    let event_pattern = input.event_pattern.clone().filter(|text| !text.is_empty());
    if schedule.is_none() && event_pattern.is_none() {
        return Err(invalid("Parameter(s) EventPattern or ScheduleExpression must be specified."));
    }
    if let Some(pattern) = &event_pattern {
        Pattern::parse(pattern).map_err(|error| bad_pattern(&error))?;
    }
    if let Some(schedule) = &schedule {
        if bus != DEFAULT_BUS {
            return Err(invalid("ScheduleExpression is supported only on the default event bus."));
        }
        Expression::parse(schedule, Rules::EVENT_RULES)
            .map_err(|_| invalid("Parameter ScheduleExpression is not valid."))?;
    }
    if input.role_arn.as_deref().is_some_and(|role| parse_role_arn(role).is_none()) {
        return Err(invalid(
            "Parameter RoleArn is not valid. Reason: Provided Arn is not in correct format.",
        ));
    }
    Ok(Rule {
        scope: context.scope.clone(),
        bus,
        name: input.name.clone().unwrap_or_default(),
        description: input.description.clone(),
        event_pattern,
        schedule,
        enabled: state != Some("DISABLED"),
        role_arn: input.role_arn.clone(),
        managed_by: None,
        created_at: context.now,
        scheduled_at: context.now,
        tags: Default::default(),
        targets: Vec::new(),
    })
}
