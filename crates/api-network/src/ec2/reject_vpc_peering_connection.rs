//! RejectVpcPeeringConnection: by the owner of the VPC that was asked.

use state_model::ec2::VpcPeeringConnection;
use state_model::ec2::vpc_peering_connection::PeeringStatus;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{RejectVpcPeeringConnectionRequest, RejectVpcPeeringConnectionResult};

use super::errors::{check_dry_run, missing_parameter};
use super::{Context, peering, render};

pub async fn reject_vpc_peering_connection(
    context: Context,
    input: RejectVpcPeeringConnectionRequest,
) -> Result<RejectVpcPeeringConnectionResult, ServiceError> {
    let id = input.vpc_peering_connection_id.ok_or_else(|| missing_parameter("vpcPeeringConnectionId"))?;
    let arn = render::vpc_peering_connection::arn(&context.scope, &id);
    context.authorise("ec2:RejectVpcPeeringConnection", &arn)?;
    context
        .transact(|view, transaction| {
            let row = peering::find(view, &context.scope, &id, context.now)?;
            peering::check_accepter(row, &context.scope, "reject")?;
            let status = row.status_at(context.now);
            if status != PeeringStatus::PendingAcceptance {
                return Err(peering::state_transition(&id, status, "rejected"));
            }
            check_dry_run(input.dry_run)?;
            let connection = VpcPeeringConnection {
                status: PeeringStatus::Rejected,
                changed_at: context.now,
                ..VpcPeeringConnection::clone(row.record())
            };
            transaction.update(row, &connection);
            Ok(())
        })
        .await?;
    Ok(RejectVpcPeeringConnectionResult { r#return: Some(true) })
}
