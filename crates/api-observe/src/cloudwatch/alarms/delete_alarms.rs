use std::collections::BTreeSet;

use api_auth::Context;
use state_model::cloudwatch::Alarm;
use state_model::cloudwatch::transition::{self, Configured};
use state_tables::{Row, Transaction, View, alarm_changes};
use wire_schema::{Empty, ServiceError};
use wire_shapes_observe::cloudwatch as wire;

use super::super::CloudWatch;
use super::errors::invalid;
use super::limits::ALARMS_PER_TRANSACTION;
use super::violations::{AlarmConstraints, Violations};
use super::{composite, render};

/// Alarms that don't exist are passed over.
pub async fn delete_alarms(
    context: Context<CloudWatch>,
    input: wire::DeleteAlarmsInput,
) -> Result<Empty, ServiceError> {
    let names = input.alarm_names.clone().unwrap_or_default();
    for name in &names {
        context.authorise(
            "cloudwatch:DeleteAlarms",
            &context.scope.arn("cloudwatch", &format!("alarm:{name}")),
        )?;
    }
    let mut violations = Violations::default();
    violations.required(input.alarm_names.as_ref(), "alarmNames");
    violations.alarm_names(&names);
    violations.check()?;
    let names: BTreeSet<String> = names.into_iter().collect();
    let mut rest = order(&context, &names)?;
    while !rest.is_empty() {
        let batch: Vec<String> = rest.drain(..rest.len().min(ALARMS_PER_TRANSACTION)).collect();
        context
            .transact(|view, transaction| {
                batch.iter().try_for_each(|name| delete(&context, view, transaction, &names, name))
            })
            .await?;
    }
    Ok(Empty {})
}

/// The composite one first: the others may be its children. Checked as a whole before anything is deleted.
fn order(context: &Context<CloudWatch>, names: &BTreeSet<String>) -> Result<Vec<String>, ServiceError> {
    let view = context.view();
    let row = |name: &String| view.alarms.get(&Alarm::key_of(&context.scope, name));
    let is_composite = |name: &&String| row(name).is_some_and(|alarm| alarm.is_composite());
    let (mut composites, others): (Vec<&String>, Vec<&String>) = names.iter().partition(is_composite);
    if composites.len() > 1 {
        return Err(invalid("A request can delete at most one composite alarm."));
    }
    for alarm in names.iter().filter_map(row) {
        check(&view, alarm, names)?;
    }
    composites.extend(others);
    Ok(composites.into_iter().cloned().collect())
}

fn check(view: &View, alarm: &Row<Alarm>, names: &BTreeSet<String>) -> Result<(), ServiceError> {
    let key = Alarm::key_of(&alarm.scope, &alarm.name);
    let mut parents = composite::parents(view, &key);
    match parents.find(|parent| !names.contains(&parent.name)) {
        None => Ok(()),
        Some(parent) => Err(invalid(format!(
            "Cannot delete {} as there are composite alarm(s) depending on it: {}",
            alarm.name, parent.name
        ))),
    }
}

fn delete(
    context: &Context<CloudWatch>,
    view: &View,
    transaction: &mut Transaction,
    names: &BTreeSet<String>,
    name: &str,
) -> Result<(), ServiceError> {
    let key = Alarm::key_of(&context.scope, name);
    let Some(alarm) = view.alarms.get(&key) else { return Ok(()) };
    check(view, alarm, names)?;
    let state = render::state_of(view, alarm);
    transaction.delete(alarm);
    view.alarm_states.get(&key).into_iter().for_each(|row| transaction.delete(row));
    view.alarm_suppressions.get(&key).into_iter().for_each(|row| transaction.delete(row));
    let item = transition::configured(alarm, Configured::Deleted, &state, context.now, &*context.random);
    alarm_changes::tell(view, transaction, &[item]);
    Ok(())
}
