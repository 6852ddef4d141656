//! AttachInternetGateway: one gateway to one VPC.

use state_model::ec2::InternetGateway;
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::AttachInternetGatewayRequest;

use super::errors::{check_dry_run, invalid_parameter_value, missing_parameter};
use super::{Context, ids};

pub async fn attach_internet_gateway(
    context: Context,
    input: AttachInternetGatewayRequest,
) -> Result<Empty, ServiceError> {
    let id = input.internet_gateway_id.ok_or_else(|| missing_parameter("internetGatewayId"))?;
    let vpc_id = input.vpc_id.ok_or_else(|| missing_parameter("vpcId"))?;
    let arn = context.scope.arn("ec2", &format!("internet-gateway/{id}"));
    context.authorise("ec2:AttachInternetGateway", &arn)?;
    context
        .transact(|view, transaction| {
            let row = ids::INTERNET_GATEWAY.row(&view.internet_gateways, &context.scope, &id)?;
            let vpc = ids::VPC.row(&view.vpcs, &context.scope, &vpc_id)?;
            if let Some(present) = &row.vpc_id {
                let message = format!("resource {id} is already attached to network {present}");
                return Err(ServiceError::caller("Resource.AlreadyAssociated", message));
            }
            if view.internet_gateways.any_by("vpc", &context.scope.key(&vpc_id)) {
                return Err(invalid_parameter_value(format!(
                    "Network {vpc_id} already has an internet gateway attached"
                )));
            }
            check_dry_run(input.dry_run)?;
            // Two gateways must not be attached at once: whoever attaches one changes the VPC's row.
            transaction.update(vpc, vpc.record());
            let gateway = InternetGateway { vpc_id: Some(vpc_id.clone()), ..InternetGateway::clone(row) };
            transaction.update(row, &gateway);
            Ok(Empty {})
        })
        .await
}
