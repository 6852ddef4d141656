//! DeleteVpcPeeringConnection: of an active one by either side, of a request by the side that made it. Routes stay and lead
//! nowhere.

use state_model::ec2::VpcPeeringConnection;
use state_model::ec2::vpc_peering_connection::PeeringStatus;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DeleteVpcPeeringConnectionRequest, DeleteVpcPeeringConnectionResult};

use super::errors::{check_dry_run, missing_parameter};
use super::{Context, peering, render};

pub async fn delete_vpc_peering_connection(
    context: Context,
    input: DeleteVpcPeeringConnectionRequest,
) -> Result<DeleteVpcPeeringConnectionResult, ServiceError> {
    let id = input.vpc_peering_connection_id.ok_or_else(|| missing_parameter("vpcPeeringConnectionId"))?;
    let arn = render::vpc_peering_connection::arn(&context.scope, &id);
    context.authorise("ec2:DeleteVpcPeeringConnection", &arn)?;
    context
        .transact(|view, transaction| {
            let row = peering::find(view, &context.scope, &id, context.now)?;
            match row.status_at(context.now) {
                PeeringStatus::Active => {}
                PeeringStatus::PendingAcceptance if row.requester.scope.account == context.scope.account => {}
                PeeringStatus::PendingAcceptance => {
                    let account = &context.scope.account;
                    return Err(peering::not_permitted(format!("User {account} cannot delete peering {id}")));
                }
                status => return Err(peering::state_transition(&id, status, "deleted")),
            }
            check_dry_run(input.dry_run)?;
            let connection = VpcPeeringConnection {
                status: PeeringStatus::Deleted,
                deleted_by: Some(context.scope.account.clone()),
                changed_at: context.now,
                ..VpcPeeringConnection::clone(row.record())
            };
            transaction.update(row, &connection);
            Ok(())
        })
        .await?;
    Ok(DeleteVpcPeeringConnectionResult { r#return: Some(true) })
}
