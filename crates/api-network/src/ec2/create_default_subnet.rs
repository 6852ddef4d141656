//! CreateDefaultSubnet: again, after a zone's default subnet was deleted.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{CreateDefaultSubnetRequest, CreateDefaultSubnetResult};

use super::errors::{check_dry_run, missing_parameter};
use super::unsupported::check_off;
use super::{Context, address_blocks, group_lookup, new_subnet, render};
use crate::defaults;

/// As AWS makes them.
const PREFIX_LENGTH: u8 = 20;

pub async fn create_default_subnet(
    context: Context,
    input: CreateDefaultSubnetRequest,
) -> Result<CreateDefaultSubnetResult, ServiceError> {
    context.authorise("ec2:CreateDefaultSubnet", "*")?;
    check_off(input.ipv6_native, "Subnets with IPv6 alone are")?;
    let (zone, zone_id) = (input.availability_zone.as_ref(), input.availability_zone_id.as_ref());
    let zone = new_subnet::named_zone(&context.scope.region, zone, zone_id)?;
    let zone = zone.ok_or_else(|| missing_parameter("availabilityZone"))?;
    let subnet = context
        .transact(|view, transaction| {
            let vpc = group_lookup::default_vpc(view, &context.scope).ok_or_else(|| {
                ServiceError::caller(
                    "DefaultVpcDoesNotExist",
                    "No default VPC exists for this account in this region.",
                )
            })?;
            let key = context.scope.key(&vpc.id);
            let mut present = view.subnets.by("vpc", &key);
            if let Some(present) =
                present.find(|subnet| subnet.default_for_az && subnet.availability_zone == zone.name)
            {
                let message = format!("'{}' is already the default subnet in {}.", present.id, zone.name);
                return Err(ServiceError::caller("DefaultSubnetAlreadyExistsInAvailabilityZone", message));
            }
            let block = new_subnet::free_block(view, vpc, PREFIX_LENGTH).ok_or_else(|| {
                let message = "There is not enough address space in the default VPC for a default subnet.";
                ServiceError::caller("InsufficientFreeAddressesInSubnet", message)
            })?;
            new_subnet::check_block(view, vpc, block)?;
            check_dry_run(input.dry_run)?;
            let text = address_blocks::text(block);
            let subnet = defaults::new_default_subnet(vpc, text, zone.clone(), &*context.random);
            new_subnet::write(view, vpc, &subnet, &*context.random, transaction);
            Ok(subnet)
        })
        .await?;
    Ok(CreateDefaultSubnetResult { subnet: Some(render::subnet::subnet(&context.view(), &subnet)) })
}
