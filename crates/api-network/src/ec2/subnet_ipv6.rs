//! The IPv6 block of a subnet: a /64 of its VPC's.

use state_model::ec2::ipv6_block::SUBNET_PREFIX_LENGTH;
use state_model::ec2::vpc::BlockAssociation;
use state_model::ec2::{Ipv6Block, Vpc};
use state_tables::View;
use stdx::random::Random;
use wire_schema::ServiceError;

use super::errors::invalid_parameter_value;
use super::ids;

/// Reads the block as a request gives it. Subnets of other sizes would be possible on AWS; with a /56 of the VPC a /64 is what
/// everybody uses, and what addresses of interfaces need.
pub fn parse(text: &str) -> Result<Ipv6Block, ServiceError> {
    let block = Ipv6Block::parse_loosely(text);
    block.filter(|block| block.prefix_length == SUBNET_PREFIX_LENGTH).ok_or_else(|| {
        invalid_parameter_value(format!("invalid value for parameter ipv6-cidr-block: {text}"))
    })
}

/// Whether the VPC has the block, and no other subnet any address of it.
pub fn check(view: &View, vpc: &Vpc, block: Ipv6Block) -> Result<(), ServiceError> {
    let outer = vpc.ipv6_block.as_ref().and_then(|outer| Ipv6Block::parse(&outer.cidr_block));
    if !outer.is_some_and(|outer| block.is_within(outer)) {
        return Err(ServiceError::caller("InvalidSubnet.Range", format!("The CIDR '{block}' is invalid.")));
    }
    let text = block.to_string();
    let mut subnets = view.subnets.by("vpc", &vpc.scope.key(&vpc.id));
    let has_it = |other: &BlockAssociation| other.cidr_block == text;
    if subnets.any(|subnet| subnet.ipv6_block.as_ref().is_some_and(has_it)) {
        let message = format!("The CIDR '{block}' conflicts with another subnet");
        return Err(ServiceError::caller("InvalidSubnet.Conflict", message));
    }
    Ok(())
}

pub fn association(block: Ipv6Block, random: &dyn Random) -> BlockAssociation {
    BlockAssociation { id: ids::new_id("subnet-cidr-assoc", random), cidr_block: block.to_string() }
}
