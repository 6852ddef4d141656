//! Where a new subnet goes, and what is written with it.

use std::cmp::Reverse;

use state_model::ec2::network_acl::NetworkAclAssociation;
use state_model::ec2::subnet::Ipv4Block;
use state_model::ec2::{NetworkAcl, Subnet, Vpc};
use state_tables::{Row, Transaction, View};
use stdx::random::Random;
use wire_schema::ServiceError;

use super::errors::{invalid_parameter_combination, invalid_parameter_value, limit_exceeded};
use super::limits::SUBNETS_PER_VPC_MAX;
use super::zones::{self, Zone};
use super::{address_blocks, ids};

/// The zone that a request names, by its name or its id; none when it names neither.
pub fn named_zone(
    region: &str,
    name: Option<&String>,
    id: Option<&String>,
) -> Result<Option<Zone>, ServiceError> {
    let zones = zones::of_region(region);
    let (parameter, wanted) = match (name, id) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let message = "Only one of availabilityZone and availabilityZoneId can be specified.";
            return Err(invalid_parameter_combination(message));
        }
        (Some(name), None) => ("availabilityZone", name),
        (None, Some(id)) => ("availabilityZoneId", id),
    };
    let is_id = name.is_none();
    let known = zones.map(|zone| if is_id { zone.id } else { zone.name }).join(", ");
    let found = zones::of_region(region).into_iter().find(|zone| {
        let one = if is_id { &zone.id } else { &zone.name };
        one == wanted
    });
    found.map(Some).ok_or_else(|| {
        invalid_parameter_value(format!(
            "Value ({wanted}) for parameter {parameter} is invalid. Subnets can currently only be created in the \
             following availability zones: {known}."
        ))
    })
}

/// The zone in which the VPC has the fewest subnets.
pub fn emptiest_zone(view: &View, vpc: &Vpc) -> Option<Zone> {
    let subnets = || view.subnets.by("vpc", &vpc.scope.key(&vpc.id));
    let count = |zone: &Zone| subnets().filter(|subnet| subnet.availability_zone == zone.name).count();
    // Of several, `max_by_key` takes the last: the zones are asked from the last to the first.
    zones::of_region(&vpc.scope.region).into_iter().rev().max_by_key(|zone| Reverse(count(zone)))
}

/// Whether the VPC has the block, and no other subnet any address of it.
pub fn check_block(view: &View, vpc: &Vpc, block: Ipv4Block) -> Result<(), ServiceError> {
    let text = address_blocks::text(block);
    let mut blocks = vpc.cidr_blocks().filter_map(Ipv4Block::parse);
    let fits = blocks.any(|outer| address_blocks::is_within(block, outer));
    if !fits || !address_blocks::PREFIX_LENGTHS.contains(&block.prefix_length) {
        return Err(ServiceError::caller("InvalidSubnet.Range", format!("The CIDR '{text}' is invalid.")));
    }
    if is_taken(view, vpc, block) {
        let message = format!("The CIDR '{text}' conflicts with another subnet");
        return Err(ServiceError::caller("InvalidSubnet.Conflict", message));
    }
    if view.subnets.by("vpc", &vpc.scope.key(&vpc.id)).count() >= SUBNETS_PER_VPC_MAX {
        return Err(limit_exceeded("SubnetLimitExceeded", "subnets"));
    }
    Ok(())
}

/// The first block of this size in the VPC's primary one of which no subnet has any address.
pub fn free_block(view: &View, vpc: &Vpc, prefix_length: u8) -> Option<Ipv4Block> {
    let outer = Ipv4Block::parse(&vpc.cidr_block)?;
    let size = Ipv4Block { network: outer.network, prefix_length }.size();
    let count = outer.size() / size;
    let block = |index: u64| {
        let offset = u32::try_from(index * size).ok()?;
        Some(Ipv4Block { network: outer.address(offset), prefix_length })
    };
    (0..count).filter_map(block).find(|block| !is_taken(view, vpc, *block))
}

fn is_taken(view: &View, vpc: &Vpc, block: Ipv4Block) -> bool {
    view.subnets.by("vpc", &vpc.scope.key(&vpc.id)).any(|other| {
        Ipv4Block::parse(&other.cidr_block).is_some_and(|other| address_blocks::overlap(block, other))
    })
}

/// Writes the subnet, under the VPC's default network ACL.
pub fn write(
    view: &View,
    vpc: &Row<Vpc>,
    subnet: &Subnet,
    random: &dyn Random,
    transaction: &mut Transaction,
) {
    let mut acls = view.network_acls.by("vpc", &vpc.scope.key(&vpc.id));
    if let Some(row) = acls.find(|acl| acl.is_default) {
        let mut acl = NetworkAcl::clone(row.record());
        let id = ids::new_id("aclassoc", random);
        acl.associations.push(NetworkAclAssociation { id, subnet_id: subnet.id.clone() });
        transaction.update(row, &acl);
    }
    // Two subnets with the same addresses must not come at once: whoever makes one changes the VPC's row.
    transaction.update(vpc, vpc.record());
    transaction.insert(subnet);
}
