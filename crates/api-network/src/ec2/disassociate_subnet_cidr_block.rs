//! DisassociateSubnetCidrBlock: no subnet has an IPv6 block that could be taken away.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DisassociateSubnetCidrBlockRequest, DisassociateSubnetCidrBlockResult};

use super::Context;
use super::errors::missing_parameter;

pub async fn disassociate_subnet_cidr_block(
    context: Context,
    input: DisassociateSubnetCidrBlockRequest,
) -> Result<DisassociateSubnetCidrBlockResult, ServiceError> {
    let id = input.association_id.ok_or_else(|| missing_parameter("associationId"))?;
    context.authorise("ec2:DisassociateSubnetCidrBlock", &context.scope.arn("ec2", "subnet/*"))?;
    let message = format!("The subnet CIDR block association ID '{id}' does not exist");
    Err(ServiceError::caller("InvalidSubnetCidrBlockAssociationID.NotFound", message))
}
