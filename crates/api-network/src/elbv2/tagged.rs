//! Changing the tags of whatever has an ARN here.

use state_model::elbv2::{Listener, LoadBalancer, Rule, TargetGroup};
use state_tables::{Transaction, View};
use wire_schema::ServiceError;

use super::Context;
use super::arns::{self, Resource};
use super::errors::{missing, validation};
use super::limits::TAGGED_RESOURCES_MAX;
use super::tags::Tags;

/// The ARNs of a request, each once.
pub fn arns(given: Option<Vec<String>>) -> Result<Vec<String>, ServiceError> {
    let given = given.filter(|given| !given.is_empty()).ok_or_else(|| missing("resourceArns"))?;
    if given.len() > TAGGED_RESOURCES_MAX {
        return Err(validation(format!(
            "At most {TAGGED_RESOURCES_MAX} resources can be specified in a request"
        )));
    }
    let mut unique: Vec<String> = Vec::new();
    for arn in given {
        if !unique.contains(&arn) {
            unique.push(arn);
        }
    }
    Ok(unique)
}

pub fn of<'v>(resource: &Resource<'v>) -> &'v Tags {
    match *resource {
        Resource::LoadBalancer(row) => &row.record().tags,
        Resource::Listener(row) => &row.record().tags,
        Resource::Rule(row) => &row.record().tags,
        Resource::DefaultRule(row) => &row.record().default_rule_tags,
        Resource::TargetGroup(row) => &row.record().tags,
    }
}

/// Changes the tags of all the resources, in one transaction.
pub async fn change(
    context: &Context,
    action: &str,
    arns: &[String],
    change: impl Fn(&mut Tags) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    for arn in arns {
        context.authorise(action, arn)?;
    }
    context.transact(|view, transaction| change_all(view, transaction, context, arns, &change)).await
}

fn change_all(
    view: &View,
    transaction: &mut Transaction,
    context: &Context,
    arns: &[String],
    change: &impl Fn(&mut Tags) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    // A listener and its default rule are two resources of one record.
    let mut listeners: Vec<(&state_tables::Row<Listener>, Listener)> = Vec::new();
    for arn in arns {
        match arns::resource(view, &context.scope, arn)? {
            Resource::LoadBalancer(row) => {
                let mut record = LoadBalancer::clone(row.record());
                change(&mut record.tags)?;
                transaction.update(row, &record);
            }
            Resource::TargetGroup(row) => {
                let mut record = TargetGroup::clone(row.record());
                change(&mut record.tags)?;
                transaction.update(row, &record);
            }
            Resource::Rule(row) => {
                let mut record = Rule::clone(row.record());
                change(&mut record.tags)?;
                transaction.update(row, &record);
            }
            resource @ (Resource::Listener(row) | Resource::DefaultRule(row)) => {
                let known = listeners.iter().position(|(_, record)| record.id == row.id);
                let at = known.unwrap_or_else(|| {
                    listeners.push((row, Listener::clone(row.record())));
                    listeners.len() - 1
                });
                let record = &mut listeners[at].1;
                match resource {
                    Resource::DefaultRule(_) => change(&mut record.default_rule_tags)?,
                    _ => change(&mut record.tags)?,
                }
            }
        }
    }
    for (row, record) in &listeners {
        transaction.update(row, record);
    }
    Ok(())
}
