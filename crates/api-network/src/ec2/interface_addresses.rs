//! The private addresses of interfaces that requests make: chosen by the caller or out of what is free.

use std::net::Ipv4Addr;

use state_model::ec2::subnet::{Ipv4Block, RESERVED_FIRST, Subnet};
use state_model::ec2::{NetworkInterface, SecurityGroup};
use state_tables::addresses::{self, Reserved};
use state_tables::{Row, View};
use stdx::random::{self, Random};
use wire_schema::ServiceError;

use super::errors::invalid_parameter_value;
use super::limits::{ADDRESSES_PER_INTERFACE_MAX, GROUPS_PER_INTERFACE_MAX};
use super::{Context, ids};

pub fn parse(text: &str) -> Result<Ipv4Addr, ServiceError> {
    text.parse().map_err(|_| invalid_parameter_value(format!("Invalid IPv4 address: '{text}'")))
}

/// The address that the caller asks for: one that the subnet gives to interfaces, and free.
pub fn check_wanted(
    view: &View,
    subnet: &Subnet,
    address: Ipv4Addr,
    reserved: &Reserved,
) -> Result<(), ServiceError> {
    check_range(subnet, address)?;
    if !addresses::is_free(view, subnet, address, reserved) {
        return Err(in_use());
    }
    Ok(())
}

pub fn check_range(subnet: &Subnet, address: Ipv4Addr) -> Result<(), ServiceError> {
    let block = Ipv4Block::parse(&subnet.cidr_block).filter(|block| block.contains(address));
    let Some(block) = block else {
        return Err(invalid_parameter_value("Address does not fall within the subnet's address range"));
    };
    let offset = u64::from(u32::from(address) - u32::from(block.network));
    if offset < u64::from(RESERVED_FIRST) || offset + 1 == block.size() {
        return Err(invalid_parameter_value("Address is in subnet's reserved address range"));
    }
    Ok(())
}

/// `count` addresses that nobody has.
pub fn choose(
    view: &View,
    subnet: &Subnet,
    count: usize,
    reserved: &mut Reserved,
    random: &dyn Random,
) -> Result<Vec<Ipv4Addr>, ServiceError> {
    let chosen = (0..count).map(|_| {
        addresses::allocate(view, subnet, reserved, random).ok_or_else(|| insufficient_addresses(&subnet.id))
    });
    chosen.collect()
}

/// The count of secondary addresses as a request gives it.
pub fn secondary_count(given: Option<i32>) -> Result<usize, ServiceError> {
    let count = given.unwrap_or(0);
    usize::try_from(count).map_err(|_| {
        invalid_parameter_value(format!(
            "Value ({count}) for parameter secondaryPrivateIpAddressCount is invalid."
        ))
    })
}

/// `count` addresses, the primary one counted.
pub fn check_count(count: usize) -> Result<(), ServiceError> {
    if count > ADDRESSES_PER_INTERFACE_MAX {
        return Err(ServiceError::caller(
            "PrivateIpAddressLimitExceeded",
            format!("An interface can have at most {ADDRESSES_PER_INTERFACE_MAX} private IP addresses."),
        ));
    }
    Ok(())
}

pub fn in_use() -> ServiceError {
    ServiceError::caller("InvalidIPAddress.InUse", "The specified address is already in use.")
}

pub fn insufficient_addresses(subnet_id: &str) -> ServiceError {
    ServiceError::caller(
        "InsufficientFreeAddressesInSubnet",
        format!(
            "The specified subnet '{subnet_id}' does not have enough free addresses to satisfy the request."
        ),
    )
}

/// The groups of an interface in the VPC: those given, or its default one. In the order given, each once.
pub fn groups<'v>(
    view: &'v View,
    context: &Context,
    vpc_id: &str,
    given: &[String],
) -> Result<Vec<&'v Row<SecurityGroup>>, ServiceError> {
    if given.is_empty() {
        return Ok(view.default_security_group(&context.scope, vpc_id).into_iter().collect());
    }
    let mut groups: Vec<&Row<SecurityGroup>> = Vec::new();
    for id in given {
        let group = ids::SECURITY_GROUP.row(&view.security_groups, &context.scope, id)?;
        if group.vpc_id != vpc_id {
            return Err(ServiceError::caller(
                "InvalidParameter",
                format!("Security group {id} and the subnet belong to different networks."),
            ));
        }
        if groups.iter().all(|present| present.id != group.id) {
            groups.push(group);
        }
    }
    if groups.len() > GROUPS_PER_INTERFACE_MAX {
        return Err(ServiceError::caller(
            "SecurityGroupsPerInterfaceLimitExceeded",
            format!("An interface can have at most {GROUPS_PER_INTERFACE_MAX} security groups."),
        ));
    }
    Ok(groups)
}

/// An interface of the caller's own, without groups; whoever makes it for something fills that in.
pub fn new_interface(context: &Context, id: String, subnet: &Subnet, address: Ipv4Addr) -> NetworkInterface {
    NetworkInterface {
        scope: context.scope.clone(),
        id,
        vpc_id: subnet.vpc_id.clone(),
        subnet_id: subnet.id.clone(),
        availability_zone: subnet.availability_zone.clone(),
        address,
        mac_address: addresses::mac_address(&*context.random),
        private_dns_name: addresses::private_dns_name(address, &context.scope.region),
        description: String::new(),
        security_groups: Vec::new(),
        task_key: String::new(),
        load_balancer_key: None,
        nat_gateway_id: None,
        vpc_endpoint_id: None,
        public_address: None,
        secondary_addresses: Vec::new(),
        ipv6_addresses: Vec::new(),
        source_dest_check: true,
        attachment_id: random::uuid(&*context.random),
        created_at: context.now,
        tags: Default::default(),
    }
}
