//! DeleteEgressOnlyInternetGateway.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    DeleteEgressOnlyInternetGatewayRequest, DeleteEgressOnlyInternetGatewayResult,
};

use super::errors::{check_dry_run, missing_parameter};
use super::{Context, ids};

pub async fn delete_egress_only_internet_gateway(
    context: Context,
    input: DeleteEgressOnlyInternetGatewayRequest,
) -> Result<DeleteEgressOnlyInternetGatewayResult, ServiceError> {
    let id = input.egress_only_internet_gateway_id;
    let id = id.ok_or_else(|| missing_parameter("egressOnlyInternetGatewayId"))?;
    let arn = context.scope.arn("ec2", &format!("egress-only-internet-gateway/{id}"));
    context.authorise("ec2:DeleteEgressOnlyInternetGateway", &arn)?;
    context
        .transact(|view, transaction| {
            let table = &view.egress_only_internet_gateways;
            let row = ids::EGRESS_ONLY_INTERNET_GATEWAY.row(table, &context.scope, &id)?;
            check_dry_run(input.dry_run)?;
            transaction.delete(row);
            Ok(())
        })
        .await?;
    Ok(DeleteEgressOnlyInternetGatewayResult { return_code: Some(true) })
}
