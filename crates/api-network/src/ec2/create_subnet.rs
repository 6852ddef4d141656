//! CreateSubnet: a part of a VPC's addresses, in one zone.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{CreateSubnetRequest, CreateSubnetResult, ResourceType};

use super::errors::{check_dry_run, missing_parameter};
use super::unsupported::{check_no_ipam, check_off, unsupported};
use super::{Context, address_blocks, ids, new_subnet, render, subnet_ipv6, tags};
use crate::defaults;

pub async fn create_subnet(
    context: Context,
    input: CreateSubnetRequest,
) -> Result<CreateSubnetResult, ServiceError> {
    context.authorise("ec2:CreateSubnet", &context.scope.arn("ec2", "subnet/*"))?;
    let vpc_id = input.vpc_id.clone().ok_or_else(|| missing_parameter("vpcId"))?;
    check_supported(&input)?;
    let text = input.cidr_block.as_deref().filter(|text| !text.is_empty());
    let block = address_blocks::parse(text.ok_or_else(|| missing_parameter("cidrBlock"))?, "cidrBlock")?;
    let ipv6 = input.ipv6_cidr_block.as_deref().filter(|text| !text.is_empty());
    let ipv6 = ipv6.map(subnet_ipv6::parse).transpose()?;
    let (zone, zone_id) = (input.availability_zone.as_ref(), input.availability_zone_id.as_ref());
    let zone = new_subnet::named_zone(&context.scope.region, zone, zone_id)?;
    let tags = tags::from_specifications(input.tag_specifications, &ResourceType::Subnet)?;
    let subnet = context
        .transact(|view, transaction| {
            let vpc = ids::VPC.row(&view.vpcs, &context.scope, &vpc_id)?;
            new_subnet::check_block(view, vpc, block)?;
            ipv6.map_or(Ok(()), |block| subnet_ipv6::check(view, vpc, block))?;
            check_dry_run(input.dry_run)?;
            let zone = zone.clone().or_else(|| new_subnet::emptiest_zone(view, vpc));
            let zone = zone.ok_or_else(|| missing_parameter("availabilityZone"))?;
            let text = address_blocks::text(block);
            let mut subnet = defaults::new_subnet(vpc, text, zone, &*context.random);
            subnet.ipv6_block = ipv6.map(|block| subnet_ipv6::association(block, &*context.random));
            subnet.tags.clone_from(&tags);
            new_subnet::write(view, vpc, &subnet, &*context.random, transaction);
            Ok(subnet)
        })
        .await?;
    Ok(CreateSubnetResult { subnet: Some(render::subnet::subnet(&context.view(), &subnet)) })
}

fn check_supported(input: &CreateSubnetRequest) -> Result<(), ServiceError> {
    check_off(input.ipv6_native, "Subnets with IPv6 alone are")?;
    check_no_ipam(input.ipv4_ipam_pool_id.as_ref(), input.ipv4_netmask_length)?;
    check_no_ipam(input.ipv6_ipam_pool_id.as_ref(), input.ipv6_netmask_length)?;
    if input.outpost_arn.is_some() { Err(unsupported("Outposts are")) } else { Ok(()) }
}
