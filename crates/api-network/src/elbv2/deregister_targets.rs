//! DeregisterTargets: they drain as long as a load balancer uses the group, and are gone at once otherwise. One that
//! isn't registered is no error.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html>

use state_model::Record;
use state_model::elbv2::Target;
use state_tables::{Row, Transaction, View, elb_usage};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{DeregisterTargetsInput, DeregisterTargetsOutput, TargetDescription};

use super::errors::missing;
use super::limits::CHANGES_PER_COMMIT;
use super::{Context, arns};

pub async fn deregister_targets(
    context: Context,
    input: DeregisterTargetsInput,
) -> Result<DeregisterTargetsOutput, ServiceError> {
    let arn = arns::required(input.target_group_arn, "targetGroupArn")?;
    context.authorise("elasticloadbalancing:DeregisterTargets", &arn)?;
    let named = input.targets.filter(|targets| !targets.is_empty()).ok_or_else(|| missing("targets"))?;
    let view = context.view();
    let group = arns::target_group(&view, &context.scope, &arn)?;
    let keys: Vec<String> = elb_usage::targets_of_group(&view, &group.key())
        .filter(|row| named.iter().any(|target| names(target, row)))
        .map(|row| row.key())
        .collect();
    for part in keys.chunks(CHANGES_PER_COMMIT / 2) {
        context
            .transact(|view, transaction| {
                let is_served = elb_usage::load_balancer_of_target_group(view, &arn).is_some();
                for row in part.iter().filter_map(|key| view.elb_targets.get(key)) {
                    deregister(&context, view, transaction, row, is_served);
                }
                Ok(())
            })
            .await?;
    }
    Ok(DeregisterTargetsOutput {})
}

/// Without a port, every registration of the target is meant.
pub fn names(description: &TargetDescription, target: &Target) -> bool {
    let port = description.port.is_none_or(|port| port == i32::from(target.port));
    port && description.id.as_deref() == Some(target.target_id.as_str())
}

fn deregister(
    context: &Context,
    view: &View,
    transaction: &mut Transaction,
    row: &Row<Target>,
    is_served: bool,
) {
    if !is_served {
        transaction.delete(row);
        if let Some(health) = view.elb_target_health.get(&row.key()) {
            transaction.delete(health);
        }
    } else if !row.is_draining() {
        let mut target = Target::clone(row.record());
        target.deregistered_at = Some(context.now);
        transaction.update(row, &target);
    }
}
