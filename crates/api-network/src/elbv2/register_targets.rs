//! RegisterTargets. Registering again changes nothing, but revives a target that drains.

use std::collections::BTreeMap;

use state_model::Record;
use state_model::elbv2::target::target_key;
use state_model::elbv2::target_group::TargetType;
use state_model::elbv2::{Target, TargetGroup};
use state_tables::{Transaction, View, elb_usage};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{RegisterTargetsInput, RegisterTargetsOutput, TargetDescription};

use super::create_target_group::check_port;
use super::errors::{missing, too_many, unavailable};
use super::limits::{CHANGES_PER_COMMIT, TARGETS_MAX};
use super::{Context, arns, target_place};

pub async fn register_targets(
    context: Context,
    input: RegisterTargetsInput,
) -> Result<RegisterTargetsOutput, ServiceError> {
    let arn = arns::required(input.target_group_arn, "targetGroupArn")?;
    context.authorise("elasticloadbalancing:RegisterTargets", &arn)?;
    let wanted = input.targets.filter(|targets| !targets.is_empty()).ok_or_else(|| missing("targets"))?;
    check_count_of_request(&wanted)?;
    // Everything is looked at before anything is written; a change is a health row that goes and a target that comes.
    let view = context.view();
    resolve(&view, &context, &arn, &wanted)?;
    for part in wanted.chunks(CHANGES_PER_COMMIT / 2) {
        context
            .transact(|view, transaction| {
                let row = arns::target_group(view, &context.scope, &arn)?;
                // Who deletes the group meanwhile must not leave these behind: its row changes, so that it looks again.
                transaction.update(row, row.record());
                for target in resolve(view, &context, &arn, part)? {
                    register(view, transaction, &target);
                    hold_load_balancer(view, &context, transaction, &target)?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(RegisterTargetsOutput {})
}

fn check_count_of_request(wanted: &[TargetDescription]) -> Result<(), ServiceError> {
    if wanted.len() > TARGETS_MAX {
        return Err(too_many("TooManyTargets", "targets per target group", TARGETS_MAX));
    }
    if wanted.iter().any(|target| target.quic_server_id.is_some()) {
        return Err(unavailable("Targets with a QUIC server id are"));
    }
    Ok(())
}

/// The records of these targets, each once.
fn resolve(
    view: &View,
    context: &Context,
    arn: &str,
    wanted: &[TargetDescription],
) -> Result<Vec<Target>, ServiceError> {
    let group = arns::target_group(view, &context.scope, arn)?;
    let mut targets = BTreeMap::new();
    for description in wanted {
        let target = target(view, context, group, description)?;
        targets.insert(target.key(), target);
    }
    let present = elb_usage::targets_of_group(view, &group.key()).count();
    let new = targets.keys().filter(|key| !view.elb_targets.contains(key)).count();
    let max = if group.target_type == TargetType::Alb { 1 } else { TARGETS_MAX };
    if present + new > max {
        return Err(too_many("TooManyTargets", "targets per target group", max));
    }
    Ok(targets.into_values().collect())
}

fn target(
    view: &View,
    context: &Context,
    group: &TargetGroup,
    description: &TargetDescription,
) -> Result<Target, ServiceError> {
    let id = arns::required(description.id.clone(), "targets.member.id")?;
    let port = description.port.map_or(Ok(group.port), check_port)?;
    let place = target_place::find(view, group, &id, port, description.availability_zone.as_deref())?;
    Ok(Target {
        scope: group.scope.clone(),
        target_group: group.path(),
        target_id: place.id,
        port,
        availability_zone: place.availability_zone,
        registered_at: context.now,
        deregistered_at: None,
        task_key: None,
    })
}

/// A load balancer that is a target can't be deleted: it must not be at the same time either.
fn hold_load_balancer(
    view: &View,
    context: &Context,
    transaction: &mut Transaction,
    target: &Target,
) -> Result<(), ServiceError> {
    if target.target_id.starts_with("arn:") {
        let row = arns::load_balancer(view, &context.scope, &target.target_id)?;
        transaction.update(row, row.record());
    }
    Ok(())
}

fn register(view: &View, transaction: &mut Transaction, target: &Target) {
    let key = target_key(&target.scope, &target.target_group, &target.target_id, target.port);
    match view.elb_targets.get(&key) {
        None => transaction.insert(target),
        Some(row) if row.is_draining() => {
            // A new registration: what was observed of the former one says nothing about it. If it was a task's, the
            // task goes on ending.
            transaction.update(row, target);
            if let Some(health) = view.elb_target_health.get(&key) {
                transaction.delete(health);
            }
        }
        Some(_) => {}
    }
}
