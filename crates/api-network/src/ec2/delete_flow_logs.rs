//! DeleteFlowLogs.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DeleteFlowLogsRequest, DeleteFlowLogsResult};

use super::errors::{check_dry_run, invalid_parameter, missing_parameter};
use super::limits::FLOW_LOGS_PER_REQUEST_MAX;
use super::{Context, ids, render};

pub async fn delete_flow_logs(
    context: Context,
    input: DeleteFlowLogsRequest,
) -> Result<DeleteFlowLogsResult, ServiceError> {
    let any = context.scope.arn("ec2", "vpc-flow-log/*");
    context.authorise("ec2:DeleteFlowLogs", &any)?;
    let given = input.flow_log_ids.unwrap_or_default();
    if given.is_empty() {
        return Err(missing_parameter("FlowLogId"));
    }
    let wanted = ids::unique(&given)?;
    if wanted.len() > FLOW_LOGS_PER_REQUEST_MAX {
        return Err(invalid_parameter(format!(
            "A request can name at most {FLOW_LOGS_PER_REQUEST_MAX} flow logs."
        )));
    }
    let unsuccessful = context
        .transact(|view, transaction| {
            check_dry_run(input.dry_run)?;
            let mut unsuccessful = Vec::new();
            for id in &wanted {
                match ids::FLOW_LOG.row(&view.flow_logs, &context.scope, id) {
                    Ok(row) => transaction.delete(row),
                    Err(error) => unsuccessful.push(render::unsuccessful(id, &error)),
                }
            }
            Ok::<_, ServiceError>(unsuccessful)
        })
        .await?;
    Ok(DeleteFlowLogsResult { unsuccessful: Some(unsuccessful) })
}
