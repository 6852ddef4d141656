//! A VPC.

use state_model::Scope;
use state_model::ec2::Vpc;
use state_model::ec2::vpc::BlockAssociation;
use wire_shapes_network::ec2 as wire;

use crate::ec2::tags;

pub fn vpc(vpc: &Vpc) -> wire::Vpc {
    let blocks = blocks(vpc).map(|one| block(&one, wire::VpcCidrBlockStateCode::Associated));
    let ipv6 = vpc.ipv6_block.iter();
    let ipv6 = ipv6.map(|one| ipv6_block(&vpc.scope, one, wire::VpcCidrBlockStateCode::Associated));
    wire::Vpc {
        cidr_block: Some(vpc.cidr_block.clone()),
        cidr_block_association_set: Some(blocks.collect()),
        dhcp_options_id: Some(vpc.dhcp_options_id.clone()),
        instance_tenancy: Some(wire::Tenancy::Default),
        ipv6_cidr_block_association_set: Some(ipv6.collect()),
        is_default: Some(vpc.is_default),
        owner_id: Some(vpc.scope.account.clone()),
        state: Some(wire::VpcState::Available),
        tags: Some(tags::render(&vpc.tags)),
        vpc_id: Some(vpc.id.clone()),
        ..Default::default()
    }
}

/// All IPv4 blocks with their associations, the primary one first.
pub fn blocks(vpc: &Vpc) -> impl Iterator<Item = BlockAssociation> {
    let primary =
        BlockAssociation { id: vpc.cidr_association_id.clone(), cidr_block: vpc.cidr_block.clone() };
    std::iter::once(primary).chain(vpc.secondary_blocks.iter().cloned())
}

pub fn block(block: &BlockAssociation, state: wire::VpcCidrBlockStateCode) -> wire::VpcCidrBlockAssociation {
    wire::VpcCidrBlockAssociation {
        association_id: Some(block.id.clone()),
        cidr_block: Some(block.cidr_block.clone()),
        cidr_block_state: Some(wire::VpcCidrBlockState { state: Some(state), status_message: None }),
    }
}

/// The pool of every IPv6 block, as AWS calls its own.
pub const IPV6_POOL: &str = "Amazon";

pub fn ipv6_block(
    scope: &Scope,
    block: &BlockAssociation,
    state: wire::VpcCidrBlockStateCode,
) -> wire::VpcIpv6CidrBlockAssociation {
    wire::VpcIpv6CidrBlockAssociation {
        association_id: Some(block.id.clone()),
        ip_source: Some(wire::IpSource::Amazon),
        ipv6_address_attribute: Some(wire::Ipv6AddressAttribute::Public),
        ipv6_cidr_block: Some(block.cidr_block.clone()),
        ipv6_cidr_block_state: Some(wire::VpcCidrBlockState { state: Some(state), status_message: None }),
        ipv6_pool: Some(String::from(IPV6_POOL)),
        network_border_group: Some(scope.region.clone()),
    }
}
