//! DeleteListener: with its rules. Its target groups stay.

use state_model::Record;
use state_model::elbv2::{Listener, Target};
use state_tables::{View, elb_usage};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{DeleteListenerInput, DeleteListenerOutput};

use super::errors::in_use;
use super::{Context, arns, deletion};

pub async fn delete_listener(
    context: Context,
    input: DeleteListenerInput,
) -> Result<DeleteListenerOutput, ServiceError> {
    let arn = arns::required(input.listener_arn, "listenerArn")?;
    context.authorise("elasticloadbalancing:DeleteListener", &arn)?;
    deletion::delete(&context, |view, batch| {
        let row = arns::listener(view, &context.scope, &arn)?;
        check_unused(view, row)?;
        batch.delete_all(elb_usage::rules_of_listener(view, &row.key()).into_iter());
        batch.delete(row);
        Ok(())
    })
    .await?;
    Ok(DeleteListenerOutput {})
}

/// A target group of type `alb` forwards to the listener by its load balancer and its port.
fn check_unused(view: &View, listener: &Listener) -> Result<(), ServiceError> {
    let mut targets = view.elb_targets.by(Target::LOAD_BALANCER, &listener.load_balancer_arn());
    if targets.any(|target| target.port == listener.port) {
        let arn = listener.arn();
        return Err(in_use(format!("Listener '{arn}' is currently in use by a target group of type 'alb'")));
    }
    Ok(())
}
