//! DeleteTargetGroup: with its targets. Deleting one that isn't there succeeds.

use state_model::Record;
use state_model::elbv2::Target;
use state_tables::elb_usage;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{DeleteTargetGroupInput, DeleteTargetGroupOutput};

use super::errors::in_use;
use super::{Context, arns, deletion};

pub async fn delete_target_group(
    context: Context,
    input: DeleteTargetGroupInput,
) -> Result<DeleteTargetGroupOutput, ServiceError> {
    let arn = arns::required(input.target_group_arn, "targetGroupArn")?;
    context.authorise("elasticloadbalancing:DeleteTargetGroup", &arn)?;
    deletion::delete(&context, |view, batch| {
        let Some(row) = arns::find_target_group(view, &context.scope, &arn)? else { return Ok(()) };
        if elb_usage::load_balancer_of_target_group(view, &arn).is_some() {
            return Err(in_use(format!("Target group '{arn}' is currently in use by a listener or a rule")));
        }
        let key = row.key();
        batch.delete_all(view.elb_target_health.by(Target::TARGET_GROUP, &key));
        batch.delete_all(elb_usage::targets_of_group(view, &key));
        batch.delete(row);
        Ok(())
    })
    .await?;
    Ok(DeleteTargetGroupOutput {})
}
