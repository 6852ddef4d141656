//! The network interfaces of interface endpoints: one in each subnet, at most one subnet of each zone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use state_model::ec2::subnet::{Ipv4Block, RESERVED_FIRST};
use state_model::ec2::{NetworkInterface, Subnet};
use state_tables::addresses::{self, Reserved};
use state_tables::{Row, Transaction, View};
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use super::errors::{invalid_parameter, missing_parameter};
use super::limits::SECURITY_GROUPS_PER_INTERFACE_MAX;
use super::{Context, ids};

/// Subnets by their ids, with the address that was asked for in each.
pub type WantedSubnets = BTreeMap<String, Option<Ipv4Addr>>;

/// The subnets of a request: those that are listed, and those whose address is given.
pub fn wanted_subnets(
    listed: Option<&[String]>,
    configured: Option<&[wire::SubnetConfiguration]>,
) -> Result<WantedSubnets, ServiceError> {
    let mut wanted: WantedSubnets = listed.unwrap_or_default().iter().map(|id| (id.clone(), None)).collect();
    for one in configured.unwrap_or_default() {
        let id = one.subnet_id.clone().ok_or_else(|| missing_parameter("SubnetConfiguration.SubnetId"))?;
        if one.ipv6.is_some() {
            return Err(invalid_parameter(
                "IPv6 addresses are not supported: there is no IPv6 in VPCs here.",
            ));
        }
        let address = match &one.ipv4 {
            None => None,
            Some(text) => {
                let address = text.parse();
                Some(address.map_err(|_| invalid_parameter(format!("Invalid IPv4 address: {text}")))?)
            }
        };
        wanted.insert(id, address);
    }
    Ok(wanted)
}

/// An endpoint as far as its interfaces need to know it.
pub struct Place<'a> {
    pub endpoint_id: &'a str,
    pub vpc_id: &'a str,
    pub security_groups: &'a [String],
    /// Zones in which it has an interface already.
    pub zones: BTreeSet<String>,
}

/// Makes the interfaces in the subnets, which must be of the VPC, and of different zones.
pub fn make(
    context: &Context,
    view: &View,
    transaction: &mut Transaction,
    place: Place<'_>,
    subnets: &WantedSubnets,
) -> Result<Vec<NetworkInterface>, ServiceError> {
    let mut zones = place.zones.clone();
    let mut reserved = Reserved::default();
    let mut made = Vec::with_capacity(subnets.len());
    for (id, wanted) in subnets {
        let subnet = ids::SUBNET.row(&view.subnets, &context.scope, id)?;
        if subnet.vpc_id != place.vpc_id {
            return Err(invalid_parameter(format!("Subnet {id} does not belong to VPC {}.", place.vpc_id)));
        }
        if !zones.insert(subnet.availability_zone.clone()) {
            let message = format!("Found another VPC endpoint subnet in the availability zone of {id}");
            return Err(ServiceError::caller("DuplicateSubnetsInSameZone", message));
        }
        let address = match wanted {
            Some(address) => {
                check_address(view, subnet, *address, &reserved)?;
                *address
            }
            None => addresses::allocate(view, subnet, &mut reserved, &*context.random)
                .ok_or_else(|| insufficient_addresses(id))?,
        };
        addresses::claim(transaction, subnet);
        let interface = new_interface(context, &place, subnet, address);
        transaction.insert(&interface);
        made.push(interface);
    }
    Ok(made)
}

fn check_address(
    view: &View,
    subnet: &Row<Subnet>,
    address: Ipv4Addr,
    reserved: &Reserved,
) -> Result<(), ServiceError> {
    let block = Ipv4Block::parse(&subnet.cidr_block).filter(|block| block.contains(address));
    let offset = block.map(|block| (u32::from(address) - u32::from(block.network), block.size()));
    let usable =
        offset.is_some_and(|(offset, size)| offset >= RESERVED_FIRST && u64::from(offset) + 1 < size);
    if !usable {
        return Err(invalid_parameter(format!("Address {address} is not one that {} gives out.", subnet.id)));
    }
    if !addresses::is_free(view, subnet, address, reserved) {
        return Err(ServiceError::caller(
            "InvalidIPAddress.InUse",
            "The specified address is already in use.",
        ));
    }
    Ok(())
}

fn insufficient_addresses(subnet_id: &str) -> ServiceError {
    let message = format!(
        "The specified subnet '{subnet_id}' does not have enough free addresses to satisfy the request."
    );
    ServiceError::caller("InsufficientFreeAddressesInSubnet", message)
}

fn new_interface(
    context: &Context,
    place: &Place<'_>,
    subnet: &Subnet,
    address: Ipv4Addr,
) -> NetworkInterface {
    NetworkInterface {
        scope: context.scope.clone(),
        id: ids::new_id("eni", &*context.random),
        vpc_id: subnet.vpc_id.clone(),
        subnet_id: subnet.id.clone(),
        availability_zone: subnet.availability_zone.clone(),
        address,
        mac_address: addresses::mac_address(&*context.random),
        private_dns_name: addresses::private_dns_name(address, &context.scope.region),
        description: format!("VPC Endpoint Interface {}", place.endpoint_id),
        security_groups: place.security_groups.to_vec(),
        task_key: String::new(),
        load_balancer_key: None,
        nat_gateway_id: None,
        vpc_endpoint_id: Some(place.endpoint_id.to_owned()),
        public_address: None,
        secondary_addresses: Vec::new(),
        ipv6_addresses: Vec::new(),
        source_dest_check: true,
        attachment_id: random::uuid(&*context.random),
        created_at: context.now,
        tags: BTreeMap::new(),
    }
}

/// Checks the groups of an endpoint's interfaces: of the VPC, each once, and not too many. They must not go meanwhile.
pub fn check_groups(
    context: &Context,
    view: &View,
    transaction: &mut Transaction,
    vpc_id: &str,
    groups: &[String],
) -> Result<(), ServiceError> {
    if groups.len() > SECURITY_GROUPS_PER_INTERFACE_MAX {
        return Err(ServiceError::caller(
            "SecurityGroupsPerInterfaceLimitExceeded",
            format!("An interface can have at most {SECURITY_GROUPS_PER_INTERFACE_MAX} security groups."),
        ));
    }
    for id in groups {
        let group = ids::SECURITY_GROUP.row(&view.security_groups, &context.scope, id)?;
        if group.vpc_id != vpc_id {
            return Err(invalid_parameter(format!("Security group {id} does not belong to VPC {vpc_id}.")));
        }
        transaction.expect(group);
    }
    Ok(())
}
