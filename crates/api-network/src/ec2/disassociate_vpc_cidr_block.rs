//! DisassociateVpcCidrBlock: takes a block away from a VPC that has no subnet in it. The primary one stays.

use state_model::ec2::Vpc;
use state_model::ec2::subnet::Ipv4Block;
use state_model::ec2::vpc::BlockAssociation;
use state_tables::{Row, View};
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    DisassociateVpcCidrBlockRequest, DisassociateVpcCidrBlockResult, VpcCidrBlockStateCode,
};

use super::errors::missing_parameter;
use super::{Context, address_blocks, render, vpc_ipv6};

pub async fn disassociate_vpc_cidr_block(
    context: Context,
    input: DisassociateVpcCidrBlockRequest,
) -> Result<DisassociateVpcCidrBlockResult, ServiceError> {
    let id = input.association_id.ok_or_else(|| missing_parameter("associationId"))?;
    context.authorise("ec2:DisassociateVpcCidrBlock", &context.scope.arn("ec2", "vpc/*"))?;
    let (vpc, removed) = context
        .transact(|view, transaction| {
            let row = view.vpcs.by("association", &context.scope.key(&id)).next();
            let row = row.ok_or_else(|| unknown(&id))?;
            let mut vpc = Vpc::clone(row.record());
            if let Some(removed) = vpc.ipv6_block.take_if(|block| block.id == id) {
                vpc_ipv6::check_unused(view, row, &removed.cidr_block)?;
                transaction.update(row, &vpc);
                vpc_ipv6::unroute(view, transaction, row, &removed.cidr_block);
                return Ok((vpc, Removed::Ipv6(removed)));
            }
            let Some(at) = vpc.secondary_blocks.iter().position(|block| block.id == id) else {
                let message = format!(
                    "The vpc CIDR block with association ID {id} may not be disassociated. It is the primary IPv4 \
                     CIDR block of the VPC"
                );
                return Err(ServiceError::caller("OperationNotPermitted", message));
            };
            let removed = vpc.secondary_blocks.remove(at);
            check_unused(view, row, &id, &removed.cidr_block)?;
            transaction.update(row, &vpc);
            vpc_ipv6::unroute(view, transaction, row, &removed.cidr_block);
            Ok((vpc, Removed::Ipv4(removed)))
        })
        .await?;
    let state = VpcCidrBlockStateCode::Disassociating;
    let (ipv4, ipv6) = match &removed {
        Removed::Ipv4(block) => (Some(render::vpc::block(block, state)), None),
        Removed::Ipv6(block) => (None, Some(render::vpc::ipv6_block(&vpc.scope, block, state))),
    };
    Ok(DisassociateVpcCidrBlockResult {
        cidr_block_association: ipv4,
        ipv6_cidr_block_association: ipv6,
        vpc_id: Some(vpc.id),
    })
}

enum Removed {
    Ipv4(BlockAssociation),
    Ipv6(BlockAssociation),
}

fn unknown(id: &str) -> ServiceError {
    let message = format!("The vpc CIDR block association ID '{id}' does not exist");
    ServiceError::caller("InvalidVpcCidrBlockAssociationIdError.NotFound", message)
}

fn check_unused(view: &View, vpc: &Row<Vpc>, id: &str, cidr_block: &str) -> Result<(), ServiceError> {
    let Some(block) = Ipv4Block::parse(cidr_block) else { return Ok(()) };
    let mut subnets = view.subnets.by("vpc", &vpc.scope.key(&vpc.id));
    let inside = subnets.find(|subnet| {
        Ipv4Block::parse(&subnet.cidr_block).is_some_and(|subnet| address_blocks::is_within(subnet, block))
    });
    match inside {
        Some(subnet) => Err(ServiceError::caller(
            "InvalidCidrBlock.InUse",
            format!(
                "The vpc CIDR block with association ID {id} may not be disassociated. It is in use by subnet {}",
                subnet.id
            ),
        )),
        None => Ok(()),
    }
}
