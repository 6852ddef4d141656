//! AcceptVpcPeeringConnection: by the owner of the VPC that was asked.

use state_model::ec2::VpcPeeringConnection;
use state_model::ec2::vpc_peering_connection::PeeringStatus;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{AcceptVpcPeeringConnectionRequest, AcceptVpcPeeringConnectionResult};

use super::create_vpc_peering_connection::overlap;
use super::errors::{check_dry_run, missing_parameter};
use super::{Context, peering, render};

pub async fn accept_vpc_peering_connection(
    context: Context,
    input: AcceptVpcPeeringConnectionRequest,
) -> Result<AcceptVpcPeeringConnectionResult, ServiceError> {
    let id = input.vpc_peering_connection_id.ok_or_else(|| missing_parameter("vpcPeeringConnectionId"))?;
    let arn = render::vpc_peering_connection::arn(&context.scope, &id);
    context.authorise("ec2:AcceptVpcPeeringConnection", &arn)?;
    let accepted = context
        .transact(|view, transaction| {
            let row = peering::find(view, &context.scope, &id, context.now)?;
            peering::check_accepter(row, &context.scope, "accept")?;
            let status = row.status_at(context.now);
            if status != PeeringStatus::PendingAcceptance {
                return Err(peering::state_transition(&id, status, "active"));
            }
            check_dry_run(input.dry_run)?;
            let mut connection = VpcPeeringConnection::clone(row.record());
            let vpc = |side: &state_model::ec2::vpc_peering_connection::PeeredVpc| {
                view.vpcs.get(&side.scope.key(&side.vpc_id))
            };
            let sides = vpc(&connection.requester).zip(vpc(&connection.accepter));
            // A VPC may have gone since the request, or have got more blocks.
            let possible = sides.is_some_and(|(requester, accepter)| !overlap(requester, accepter));
            connection.status = if possible { PeeringStatus::Active } else { PeeringStatus::Failed };
            connection.changed_at = context.now;
            if let Some((requester, accepter)) = sides {
                transaction.expect(requester);
                transaction.expect(accepter);
            }
            transaction.update(row, &connection);
            Ok(connection)
        })
        .await?;
    let shown = render::vpc_peering_connection::vpc_peering_connection(
        &context.view(),
        &accepted,
        &context.scope,
        context.now,
    );
    Ok(AcceptVpcPeeringConnectionResult { vpc_peering_connection: Some(shown) })
}
