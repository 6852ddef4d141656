//! DisassociateSubnetCidrBlock: takes its IPv6 block from a subnet in which no interface has an address of it.

use state_model::ec2::Subnet;
use state_tables::{Row, View};
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    DisassociateSubnetCidrBlockRequest, DisassociateSubnetCidrBlockResult, SubnetCidrBlockStateCode,
};

use super::errors::missing_parameter;
use super::{Context, render};

pub async fn disassociate_subnet_cidr_block(
    context: Context,
    input: DisassociateSubnetCidrBlockRequest,
) -> Result<DisassociateSubnetCidrBlockResult, ServiceError> {
    let id = input.association_id.ok_or_else(|| missing_parameter("associationId"))?;
    context.authorise("ec2:DisassociateSubnetCidrBlock", &context.scope.arn("ec2", "subnet/*"))?;
    let (subnet, removed) = context
        .transact(|view, transaction| {
            let row = view.subnets.by("association", &context.scope.key(&id)).next();
            let row = row.ok_or_else(|| unknown(&id))?;
            check_unused(view, row, &id)?;
            let mut subnet = Subnet::clone(row.record());
            let removed = subnet.ipv6_block.take().ok_or_else(|| unknown(&id))?;
            // Whoever gives out addresses of the subnet changes its row as well.
            transaction.update(row, &subnet);
            Ok((subnet, removed))
        })
        .await?;
    let state = SubnetCidrBlockStateCode::Disassociating;
    Ok(DisassociateSubnetCidrBlockResult {
        ipv6_cidr_block_association: Some(render::subnet::ipv6_block(&removed, state)),
        subnet_id: Some(subnet.id),
    })
}

fn unknown(id: &str) -> ServiceError {
    let message = format!("The subnet CIDR block association ID '{id}' does not exist");
    ServiceError::caller("InvalidSubnetCidrBlockAssociationID.NotFound", message)
}

fn check_unused(view: &View, subnet: &Row<Subnet>, id: &str) -> Result<(), ServiceError> {
    let refuse = |why: String| {
        let message =
            format!("The subnet IPv6 CIDR block with association ID {id} may not be disassociated, {why}");
        Err(ServiceError::caller("InvalidCidrBlock.InUse", message))
    };
    if subnet.assign_ipv6_address_on_creation {
        return refuse(String::from("because its subnet has assign-ipv6-address-on-creation set to true."));
    }
    let mut interfaces = view.network_interfaces.by("subnet", &subnet.scope.key(&subnet.id));
    match interfaces.find(|interface| !interface.ipv6_addresses.is_empty()) {
        Some(interface) => refuse(format!("because interface {} has an address of it.", interface.id)),
        None => Ok(()),
    }
}
