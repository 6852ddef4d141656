//! AssociateSubnetCidrBlock: gives a subnet IPv6 addresses.

use state_model::ec2::Subnet;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    AssociateSubnetCidrBlockRequest, AssociateSubnetCidrBlockResult, SubnetCidrBlockStateCode,
};

use super::errors::missing_parameter;
use super::limits::IPV6_BLOCKS_PER_SUBNET_MAX;
use super::unsupported::check_no_ipam;
use super::{Context, ids, render, subnet_ipv6};

pub async fn associate_subnet_cidr_block(
    context: Context,
    input: AssociateSubnetCidrBlockRequest,
) -> Result<AssociateSubnetCidrBlockResult, ServiceError> {
    let id = input.subnet_id.ok_or_else(|| missing_parameter("subnetId"))?;
    context.authorise("ec2:AssociateSubnetCidrBlock", &context.scope.arn("ec2", &format!("subnet/{id}")))?;
    check_no_ipam(input.ipv6_ipam_pool_id.as_ref(), input.ipv6_netmask_length)?;
    let text = input.ipv6_cidr_block.filter(|text| !text.is_empty());
    let block = subnet_ipv6::parse(&text.ok_or_else(|| missing_parameter("ipv6CidrBlock"))?)?;
    let added = subnet_ipv6::association(block, &*context.random);
    context
        .transact(|view, transaction| {
            let row = ids::SUBNET.row(&view.subnets, &context.scope, &id)?;
            let vpc = ids::VPC.row(&view.vpcs, &context.scope, &row.vpc_id)?;
            if row.ipv6_block.is_some() {
                let message = format!(
                    "This subnet '{id}' has met its maximum number of allowed CIDRs: {IPV6_BLOCKS_PER_SUBNET_MAX}"
                );
                return Err(ServiceError::caller("CidrLimitExceeded", message));
            }
            subnet_ipv6::check(view, vpc, block)?;
            let subnet = Subnet { ipv6_block: Some(added.clone()), ..Subnet::clone(row.record()) };
            // Two subnets with the same addresses must not come at once, and the VPC must keep the block: whoever gives a subnet one
            // changes the VPC's row.
            transaction.update(vpc, vpc.record());
            transaction.update(row, &subnet);
            Ok(())
        })
        .await?;
    let state = SubnetCidrBlockStateCode::Associating;
    Ok(AssociateSubnetCidrBlockResult {
        ipv6_cidr_block_association: Some(render::subnet::ipv6_block(&added, state)),
        subnet_id: Some(id),
    })
}
