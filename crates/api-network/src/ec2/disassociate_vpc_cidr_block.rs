//! DisassociateVpcCidrBlock: takes a block away from a VPC that has no subnet in it. The primary one stays.

use state_model::ec2::subnet::Ipv4Block;
use state_model::ec2::{RouteTable, Vpc};
use state_tables::{Row, View};
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    DisassociateVpcCidrBlockRequest, DisassociateVpcCidrBlockResult, VpcCidrBlockStateCode,
};

use super::errors::missing_parameter;
use super::{Context, address_blocks, render};

pub async fn disassociate_vpc_cidr_block(
    context: Context,
    input: DisassociateVpcCidrBlockRequest,
) -> Result<DisassociateVpcCidrBlockResult, ServiceError> {
    let id = input.association_id.ok_or_else(|| missing_parameter("associationId"))?;
    context.authorise("ec2:DisassociateVpcCidrBlock", &context.scope.arn("ec2", "vpc/*"))?;
    let (vpc_id, removed) = context
        .transact(|view, transaction| {
            let row = view.vpcs.by("association", &context.scope.key(&id)).next();
            let row = row.ok_or_else(|| unknown(&id))?;
            let mut vpc = Vpc::clone(row.record());
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
            for row in view.route_tables.by("vpc", &context.scope.key(&vpc.id)) {
                let mut table = RouteTable::clone(row.record());
                table.routes.retain(|route| !route.made_with_table || route.destination != removed.cidr_block);
                transaction.update(row, &table);
            }
            Ok((vpc.id, removed))
        })
        .await?;
    Ok(DisassociateVpcCidrBlockResult {
        cidr_block_association: Some(render::vpc::block(&removed, VpcCidrBlockStateCode::Disassociating)),
        ipv6_cidr_block_association: None,
        vpc_id: Some(vpc_id),
    })
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
