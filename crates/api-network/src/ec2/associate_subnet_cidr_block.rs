//! AssociateSubnetCidrBlock: gives a subnet IPv6 addresses, which there aren't yet.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{AssociateSubnetCidrBlockRequest, AssociateSubnetCidrBlockResult};

use super::errors::missing_parameter;
use super::{Context, ids, unsupported};

pub async fn associate_subnet_cidr_block(
    context: Context,
    input: AssociateSubnetCidrBlockRequest,
) -> Result<AssociateSubnetCidrBlockResult, ServiceError> {
    let id = input.subnet_id.ok_or_else(|| missing_parameter("subnetId"))?;
    context.authorise("ec2:AssociateSubnetCidrBlock", &context.scope.arn("ec2", &format!("subnet/{id}")))?;
    ids::SUBNET.row(&context.view().subnets, &context.scope, &id)?;
    Err(unsupported::ipv6())
}
