//! CreateVpc: with its main route table, its default network ACL and its default security group.

use state_model::ec2::subnet::Ipv4Block;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    CreateVpcRequest, CreateVpcResult, ResourceType, Tenancy, VpcCidrBlockStateCode, VpcState,
};

use super::errors::{check_dry_run, limit_exceeded};
use super::limits::VPCS_MAX;
use super::unsupported::{ForeignIpv6, check_no_ipam, unsupported};
use super::{Context, address_blocks, region_dhcp_options, render, tags, vpc_ipv6};
use crate::defaults;

pub async fn create_vpc(context: Context, input: CreateVpcRequest) -> Result<CreateVpcResult, ServiceError> {
    context.authorise("ec2:CreateVpc", &context.scope.arn("ec2", "vpc/*"))?;
    let block = wanted_block(&input)?;
    let with_ipv6 = wants_ipv6(&context, &input)?;
    address_blocks::check_vpc_block(block, context.service.public_pool.0)?;
    let mut vpc = defaults::new_vpc(&context.scope, address_blocks::text(block), &*context.random);
    vpc.tags = tags::from_specifications(input.tag_specifications, &ResourceType::Vpc)?;
    context
        .transact(|view, transaction| {
            if view.vpcs.prefix(&context.scope.key("")).count() >= VPCS_MAX {
                return Err(limit_exceeded("VpcLimitExceeded", "VPCs"));
            }
            check_dry_run(input.dry_run)?;
            if with_ipv6 {
                vpc.ipv6_block = Some(vpc_ipv6::give(&context, view, transaction)?);
            }
            vpc.dhcp_options_id = region_dhcp_options::of_new_vpc(view, &context.scope, transaction);
            transaction.insert(&defaults::main_route_table(&vpc, &*context.random));
            transaction.insert(&defaults::default_network_acl(&vpc, &[], &*context.random));
            transaction.insert(&defaults::default_security_group(&vpc, &*context.random));
            transaction.insert(&vpc);
            Ok(())
        })
        .await?;
    let made = render::vpc::vpc(&vpc);
    let ipv6 = vpc.ipv6_block.iter();
    let associating =
        ipv6.map(|block| render::vpc::ipv6_block(&vpc.scope, block, VpcCidrBlockStateCode::Associating));
    Ok(CreateVpcResult {
        vpc: Some(wire_shapes_network::ec2::Vpc {
            state: Some(VpcState::Pending),
            ipv6_cidr_block_association_set: Some(associating.collect()),
            ..made
        }),
    })
}

fn wants_ipv6(context: &Context, input: &CreateVpcRequest) -> Result<bool, ServiceError> {
    let given = vpc_ipv6::Given {
        amazon_provided: input.amazon_provided_ipv6_cidr_block,
        block: input.ipv6_cidr_block.as_ref(),
        border_group: input.ipv6_cidr_block_network_border_group.as_ref(),
        foreign: ForeignIpv6 {
            ipam_pool: input.ipv6_ipam_pool_id.is_some(),
            netmask_length: input.ipv6_netmask_length.is_some(),
            pool: input.ipv6_pool.is_some(),
        },
    };
    vpc_ipv6::is_wanted(context, given)
}

fn wanted_block(input: &CreateVpcRequest) -> Result<Ipv4Block, ServiceError> {
    check_no_ipam(input.ipv4_ipam_pool_id.as_ref(), input.ipv4_netmask_length)?;
    if input.instance_tenancy.as_ref().is_some_and(|tenancy| *tenancy != Tenancy::Default) {
        return Err(unsupported("Instances of a tenancy other than default are"));
    }
    if input.vpc_encryption_control.is_some() {
        return Err(unsupported("VPC encryption controls are"));
    }
    let text = input.cidr_block.as_deref().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| {
        let message = "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.";
        ServiceError::caller("MissingParameter", message)
    })?;
    address_blocks::parse(text, "cidrBlock")
}
