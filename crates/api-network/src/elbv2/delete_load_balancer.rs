//! DeleteLoadBalancer: with its listeners and rules. Its placement, status and interfaces are cleaned up by the balancers
//! loop; its target groups keep their targets. Deleting one that isn't there succeeds.

use state_model::Record;
use state_model::elbv2::attributes::{self, load_balancer_defaults};
use state_model::elbv2::{LoadBalancer, Target};
use state_tables::{View, elb_usage};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{DeleteLoadBalancerInput, DeleteLoadBalancerOutput};

use super::errors::{in_use, not_permitted};
use super::{Context, arns, deletion};

pub async fn delete_load_balancer(
    context: Context,
    input: DeleteLoadBalancerInput,
) -> Result<DeleteLoadBalancerOutput, ServiceError> {
    let arn = arns::required(input.load_balancer_arn, "loadBalancerArn")?;
    context.authorise("elasticloadbalancing:DeleteLoadBalancer", &arn)?;
    deletion::delete(&context, |view, batch| {
        let Some(row) = arns::find_load_balancer(view, &context.scope, &arn)? else { return Ok(()) };
        check_deletable(view, row)?;
        for listener in elb_usage::listeners_of_load_balancer(view, &row.key()) {
            batch.delete_all(elb_usage::rules_of_listener(view, &listener.key()).into_iter());
            batch.delete(listener);
        }
        batch.delete(row);
        Ok(())
    })
    .await?;
    Ok(DeleteLoadBalancerOutput {})
}

fn check_deletable(view: &View, record: &LoadBalancer) -> Result<(), ServiceError> {
    let arn = record.arn();
    let defaults = load_balancer_defaults(record.kind);
    if attributes::value(&record.attributes, defaults, "deletion_protection.enabled") == "true" {
        return Err(not_permitted(format!(
            "Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        )));
    }
    if view.elb_targets.any_by(Target::LOAD_BALANCER, &arn) {
        return Err(in_use(format!(
            "Load balancer '{arn}' cannot be deleted because it is a target of a target group"
        )));
    }
    Ok(())
}
