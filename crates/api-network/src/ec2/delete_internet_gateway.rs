//! DeleteInternetGateway: of one that is attached to nothing. Routes to it stay, as black holes.

use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::DeleteInternetGatewayRequest;

use super::dependents::dependency_violation;
use super::errors::{check_dry_run, missing_parameter};
use super::{Context, ids};

pub async fn delete_internet_gateway(
    context: Context,
    input: DeleteInternetGatewayRequest,
) -> Result<Empty, ServiceError> {
    let id = input.internet_gateway_id.ok_or_else(|| missing_parameter("internetGatewayId"))?;
    let arn = context.scope.arn("ec2", &format!("internet-gateway/{id}"));
    context.authorise("ec2:DeleteInternetGateway", &arn)?;
    context
        .transact(|view, transaction| {
            let row = ids::INTERNET_GATEWAY.row(&view.internet_gateways, &context.scope, &id)?;
            if row.vpc_id.is_some() {
                return Err(dependency_violation("internetGateway", &id));
            }
            check_dry_run(input.dry_run)?;
            transaction.delete(row);
            Ok(Empty {})
        })
        .await
}
