//! CreateVpcPeeringConnection: asks the owner of another VPC of this installation. What can never come to be is answered
//! as on AWS: with a connection that has failed.

use state_model::Scope;
use state_model::ec2::subnet::Ipv4Block;
use state_model::ec2::vpc_peering_connection::{PeeredVpc, PeeringStatus};
use state_model::ec2::{Vpc, VpcPeeringConnection};
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    CreateVpcPeeringConnectionRequest, CreateVpcPeeringConnectionResult, ResourceType,
};

use super::errors::{
    check_dry_run, invalid_parameter_combination, invalid_parameter_value, missing_parameter,
};
use super::limits::{PEERING_REQUESTS_MAX, PEERINGS_PER_VPC_MAX};
use super::{Context, ids, render, tags};

pub async fn create_vpc_peering_connection(
    context: Context,
    input: CreateVpcPeeringConnectionRequest,
) -> Result<CreateVpcPeeringConnectionResult, ServiceError> {
    let any = context.scope.arn("ec2", "vpc-peering-connection/*");
    context.authorise("ec2:CreateVpcPeeringConnection", &any)?;
    let mut connection = parse(&context, &input)?;
    context
        .transact(|view, transaction| {
            let (requester, accepter) = (&connection.requester, &connection.accepter);
            let vpc = ids::VPC.row(&view.vpcs, &context.scope, &requester.vpc_id)?;
            let peer = view.vpcs.get(&accepter.scope.key(&accepter.vpc_id));
            if peer.is_none() && accepter.scope == context.scope {
                return Err(ids::VPC.unknown(&accepter.vpc_id));
            }
            check_present(view, &connection)?;
            let possible = peer.is_some_and(|peer| !overlap(vpc, peer));
            connection.status =
                if possible { PeeringStatus::PendingAcceptance } else { PeeringStatus::Failed };
            check_dry_run(input.dry_run)?;
            // Two requests for the same two VPCs must not come at once: each changes both VPCs' rows.
            transaction.update(vpc, vpc.record());
            if let Some(peer) = peer.filter(|peer| peer.id != vpc.id) {
                transaction.update(peer, peer.record());
            }
            transaction.insert(&connection);
            Ok(())
        })
        .await?;
    let shown = render::vpc_peering_connection::vpc_peering_connection(
        &context.view(),
        &connection,
        &context.scope,
        context.now,
    );
    Ok(CreateVpcPeeringConnectionResult { vpc_peering_connection: Some(shown) })
}

fn parse(
    context: &Context,
    input: &CreateVpcPeeringConnectionRequest,
) -> Result<VpcPeeringConnection, ServiceError> {
    let vpc_id = input.vpc_id.clone().ok_or_else(|| missing_parameter("vpcId"))?;
    let peer_vpc_id = input.peer_vpc_id.clone().ok_or_else(|| missing_parameter("peerVpcId"))?;
    ids::VPC.check(&vpc_id)?;
    ids::VPC.check(&peer_vpc_id)?;
    let options = input.requester_peering_connection_options.as_ref();
    if options.is_some_and(|options| *options != Default::default()) {
        return Err(invalid_parameter_combination(
            "The requester's peering options are not supported: a connection has one path here.",
        ));
    }
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let account = given(&input.peer_owner_id).unwrap_or_else(|| context.scope.account.clone());
    let region = given(&input.peer_region).unwrap_or_else(|| context.scope.region.clone());
    if !state_model::scope::is_account_id(&account) {
        return Err(invalid_parameter_value(format!(
            "Value ({account}) for parameter peerOwnerId is invalid."
        )));
    }
    if !state_model::scope::is_region_name(&region) {
        return Err(invalid_parameter_value(format!(
            "Value ({region}) for parameter peerRegion is invalid."
        )));
    }
    let side = |scope: Scope, vpc_id: String| PeeredVpc { scope, vpc_id, allow_dns_resolution: false };
    Ok(VpcPeeringConnection {
        scope: context.scope.clone(),
        id: ids::new_id("pcx", &*context.random),
        requester: side(context.scope.clone(), vpc_id),
        accepter: side(Scope::new(account, region), peer_vpc_id),
        status: PeeringStatus::PendingAcceptance,
        deleted_by: None,
        created_at: context.now,
        changed_at: context.now,
        tags: tags::from_specifications(
            input.tag_specifications.clone(),
            &ResourceType::VpcPeeringConnection,
        )?,
    })
}

/// Checks what is between VPCs already: one connection for two of them, and not too many.
fn check_present(view: &View, wanted: &VpcPeeringConnection) -> Result<(), ServiceError> {
    let (requester, accepter) = (&wanted.requester, &wanted.accepter);
    let lives = |connection: &VpcPeeringConnection| {
        let status = connection.status_at(wanted.created_at);
        matches!(status, PeeringStatus::PendingAcceptance | PeeringStatus::Active)
    };
    let mut count = 0;
    for other in view.vpc_peering_connections.by("vpc", &requester.scope.key(&requester.vpc_id)) {
        if !lives(other) {
            continue;
        }
        count += 1;
        let side = other.other_side(&requester.vpc_id);
        if side.is_some_and(|side| side.scope == accepter.scope && side.vpc_id == accepter.vpc_id) {
            let message = format!(
                "A VPC peering connection between the VPCs {} and {} already exists: {}",
                requester.vpc_id, accepter.vpc_id, other.id
            );
            return Err(ServiceError::caller("VpcPeeringConnectionAlreadyExists", message));
        }
    }
    if count >= PEERINGS_PER_VPC_MAX {
        let message =
            "You've reached the limit on the number of VPC peering connections you can have per VPC.";
        return Err(ServiceError::caller("VpcPeeringConnectionsPerVpcLimitExceeded", message));
    }
    let prefix = wanted.scope.key("");
    let own = view.vpc_peering_connections.prefix(&prefix);
    let waiting =
        own.filter(|(_, other)| other.status_at(wanted.created_at) == PeeringStatus::PendingAcceptance);
    if waiting.count() >= PEERING_REQUESTS_MAX {
        let message =
            "You've reached the limit on the number of VPC peering connection requests that you can create.";
        return Err(ServiceError::caller("OutstandingVpcPeeringConnectionLimitExceeded", message));
    }
    Ok(())
}

/// Whether the VPCs have addresses in common, as a VPC has with itself.
pub fn overlap(one: &Vpc, other: &Vpc) -> bool {
    one.cidr_blocks().any(|block| other.cidr_blocks().any(|peer| blocks_overlap(block, peer)))
}

fn blocks_overlap(one: &str, other: &str) -> bool {
    match (Ipv4Block::parse(one), Ipv4Block::parse(other)) {
        (Some(one), Some(other)) => one.contains(other.network) || other.contains(one.network),
        _ => false,
    }
}
