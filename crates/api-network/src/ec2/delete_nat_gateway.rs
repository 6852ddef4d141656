//! DeleteNatGateway: its interface and its address are given back when the nodes have told that it is gone.

use state_model::ec2::NatGateway;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DeleteNatGatewayRequest, DeleteNatGatewayResult};

use super::errors::{check_dry_run, missing_parameter};
use super::{Context, ids};

pub async fn delete_nat_gateway(
    context: Context,
    input: DeleteNatGatewayRequest,
) -> Result<DeleteNatGatewayResult, ServiceError> {
    let id = input.nat_gateway_id.filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| missing_parameter("NatGatewayId"))?;
    context.authorise("ec2:DeleteNatGateway", &context.scope.arn("ec2", &format!("natgateway/{id}")))?;
    context
        .transact(|view, transaction| {
            let row = ids::NAT_GATEWAY.row(&view.nat_gateways, &context.scope, &id)?;
            check_dry_run(input.dry_run)?;
            if row.deleted_at.is_none() {
                let deleted_at = Some(context.now);
                transaction.update(row, &NatGateway { deleted_at, ..NatGateway::clone(row.record()) });
            }
            Ok(())
        })
        .await?;
    Ok(DeleteNatGatewayResult { nat_gateway_id: Some(id) })
}
