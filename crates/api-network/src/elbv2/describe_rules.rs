//! DescribeRules: of a listener, the default one last, or by ARNs.

use state_model::Record;
use state_tables::elb_usage;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{DescribeRulesInput, DescribeRulesOutput, Rule};

use super::arns::FoundRule;
use super::describe_load_balancers::check_length;
use super::errors::validation;
use super::page::Page;
use super::{Context, arns, render};

pub async fn describe_rules(
    context: Context,
    input: DescribeRulesInput,
) -> Result<DescribeRulesOutput, ServiceError> {
    context.authorise("elasticloadbalancing:DescribeRules", "*")?;
    let arns = input.rule_arns.unwrap_or_default();
    check_length("ruleArns", arns.len())?;
    let listener = input.listener_arn.filter(|arn| !arn.is_empty());
    if arns.is_empty() == listener.is_none() {
        return Err(validation("You must specify either listener rule ARNs or a listener ARN"));
    }
    let page = Page::new(input.marker.as_deref(), input.page_size)?;
    let view = context.view();
    let mut keyed: Vec<(String, Rule)> = Vec::new();
    if let Some(arn) = &listener {
        let row = arns::listener(&view, &context.scope, arn)?;
        for rule in elb_usage::rules_of_listener(&view, &row.key()) {
            keyed.push((key(rule.priority, &rule.id), render::rule::rule(rule)));
        }
        keyed.push((key(u32::MAX, &row.default_rule_id), render::rule::default_rule(row)));
    }
    for arn in &arns {
        keyed.push(match arns::rule(&view, &context.scope, arn)? {
            FoundRule::Rule(row) => (key(row.priority, &row.id), render::rule::rule(row)),
            FoundRule::Default(row) => (key(u32::MAX, &row.default_rule_id), render::rule::default_rule(row)),
        });
    }
    keyed.sort_by(|one, other| one.0.cmp(&other.0));
    keyed.dedup_by(|one, other| one.0 == other.0);
    let (found, next_marker) = page.take(keyed.into_iter());
    Ok(DescribeRulesOutput { next_marker, rules: Some(found) })
}

/// Sorts by priority.
fn key(priority: u32, id: &str) -> String {
    format!("{priority:010}/{id}")
}
