//! DeleteListener: with its rules. Its target groups stay.

use state_model::Record;
use state_tables::elb_usage;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{DeleteListenerInput, DeleteListenerOutput};

use super::{Context, arns, deletion};

pub async fn delete_listener(
    context: Context,
    input: DeleteListenerInput,
) -> Result<DeleteListenerOutput, ServiceError> {
    let arn = arns::required(input.listener_arn, "listenerArn")?;
    context.authorise("elasticloadbalancing:DeleteListener", &arn)?;
    deletion::delete(&context, |view, batch| {
        let row = arns::listener(view, &context.scope, &arn)?;
        batch.delete_all(elb_usage::rules_of_listener(view, &row.key()).into_iter());
        batch.delete(row);
        Ok(())
    })
    .await?;
    Ok(DeleteListenerOutput {})
}
