//! Where a load balancer goes: one subnet per zone, all of one VPC.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html>

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use state_model::Scope;
use state_model::ec2::Subnet;
use state_model::ec2::network_interface::address_index_value;
use state_model::ec2::subnet::{Ipv4Block, RESERVED_FIRST};
use state_model::elbv2::LoadBalancer;
use state_model::elbv2::load_balancer::{LoadBalancerKind, LoadBalancerSubnet, Scheme};
use state_tables::{Row, View};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::SubnetMapping;

use super::errors::{invalid_configuration, unavailable, validation};
use super::limits::FREE_ADDRESSES_MIN;
use crate::ec2;

/// A subnet as a request names it.
#[derive(Clone, Debug)]
pub struct WantedSubnet {
    id: String,
    private_ipv4_address: Option<Ipv4Addr>,
    allocation_id: Option<String>,
}

/// What a request says of a load balancer that decides about its subnets.
#[derive(Debug)]
pub struct Wanted {
    pub kind: LoadBalancerKind,
    pub scheme: Scheme,
    pub subnets: Vec<WantedSubnet>,
}

/// `Subnets` or `SubnetMappings`, whichever is given.
pub fn parse(
    subnets: Option<Vec<String>>,
    mappings: Option<Vec<SubnetMapping>>,
) -> Result<Vec<WantedSubnet>, ServiceError> {
    let subnets = subnets.unwrap_or_default();
    let mappings = mappings.unwrap_or_default();
    if !subnets.is_empty() && !mappings.is_empty() {
        return Err(validation("You must specify either subnets or subnet mappings, not both"));
    }
    let plain = subnets
        .into_iter()
        .map(|id| Ok(WantedSubnet { id, private_ipv4_address: None, allocation_id: None }));
    plain.chain(mappings.into_iter().map(mapping)).collect()
}

fn mapping(given: SubnetMapping) -> Result<WantedSubnet, ServiceError> {
    if given.ipv6_address.is_some() || given.source_nat_ipv6_prefix.is_some() {
        return Err(unavailable("IPv6 addresses of load balancers are"));
    }
    let address = given.private_ipv4_address.map(|text| {
        text.parse().map_err(|_| validation(format!("The private IPv4 address '{text}' is not valid")))
    });
    Ok(WantedSubnet {
        id: given.subnet_id.unwrap_or_default(),
        private_ipv4_address: address.transpose()?,
        allocation_id: given.allocation_id.filter(|id| !id.is_empty()),
    })
}

/// The VPC, and the subnets with their zones. `current` is the load balancer that is about to change its subnets.
pub fn choose(
    view: &View,
    scope: &Scope,
    wanted: &Wanted,
    current: Option<&LoadBalancer>,
) -> Result<(String, Vec<LoadBalancerSubnet>), ServiceError> {
    let zones_min = match wanted.kind {
        LoadBalancerKind::Application => 2,
        LoadBalancerKind::Network => 1,
    };
    if wanted.subnets.len() < zones_min {
        return Err(validation(match wanted.kind {
            LoadBalancerKind::Application => {
                "At least two subnets in two different Availability Zones must be specified"
            }
            LoadBalancerKind::Network => "At least one subnet must be specified",
        }));
    }
    let rows: Result<Vec<_>, ServiceError> =
        wanted.subnets.iter().map(|subnet| Ok((subnet, find(view, scope, &subnet.id)?))).collect();
    let rows = rows?;
    let vpc_id = rows.first().map(|(_, row)| row.vpc_id.clone()).unwrap_or_default();
    if rows.iter().any(|(_, row)| row.vpc_id != vpc_id)
        || current.is_some_and(|current| current.vpc_id != vpc_id)
    {
        return Err(invalid_configuration("All subnets must belong to the same VPC"));
    }
    let zones: BTreeSet<&str> = rows.iter().map(|(_, row)| row.availability_zone.as_str()).collect();
    if zones.len() < rows.len() {
        return Err(invalid_configuration(
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        ));
    }
    if wanted.scheme == Scheme::InternetFacing && !view.internet_gateways.any_by("vpc", &scope.key(&vpc_id)) {
        return Err(invalid_subnet(format!("The vpc {vpc_id} has no internet gateway")));
    }
    let mut chosen = Vec::new();
    for (subnet, row) in rows {
        let kept = current
            .is_some_and(|current| current.subnets.iter().any(|present| present.subnet_id == subnet.id));
        if !kept && ec2::available_addresses(view, row) < FREE_ADDRESSES_MIN {
            return Err(invalid_subnet(format!(
                "Not enough IP space available in {}. ELB requires at least {FREE_ADDRESSES_MIN} free IP addresses in \
                 each subnet.",
                row.id
            )));
        }
        if let Some(address) = subnet.private_ipv4_address {
            check_address(view, wanted, row, address, current)?;
        }
        if let Some(id) = &subnet.allocation_id {
            check_allocation(view, scope, wanted, id, current)?;
        }
        chosen.push(LoadBalancerSubnet {
            subnet_id: subnet.id.clone(),
            availability_zone: row.availability_zone.clone(),
            private_ipv4_address: subnet.private_ipv4_address,
            allocation_id: subnet.allocation_id.clone(),
        });
    }
    Ok((vpc_id, chosen))
}

/// The address is the caller's own choice: it must be one that the subnet gives, and free.
fn check_address(
    view: &View,
    wanted: &Wanted,
    subnet: &Subnet,
    address: Ipv4Addr,
    current: Option<&LoadBalancer>,
) -> Result<(), ServiceError> {
    if wanted.kind != LoadBalancerKind::Network || wanted.scheme != Scheme::Internal {
        return Err(validation(
            "Private IPv4 addresses can be specified only for internal network load balancers",
        ));
    }
    let block = Ipv4Block::parse(&subnet.cidr_block).filter(|block| block.contains(address));
    let offset = block.map(|block| u32::from(address) - u32::from(block.network));
    let last = block.map(|block| u32::try_from(block.size() - 1).unwrap_or(u32::MAX));
    if !offset.is_some_and(|offset| offset >= RESERVED_FIRST && Some(offset) != last) {
        return Err(validation(format!(
            "The private IPv4 address '{address}' is not in the range of subnet '{}'",
            subnet.id
        )));
    }
    let index = address_index_value(&subnet.scope, &subnet.id, address);
    let mine = current.map(|current| current.scope.key(&current.path()));
    let taken = view.network_interfaces.by("address", &index).any(|row| row.load_balancer_key != mine);
    let asked_for = view.elb_load_balancers.by("subnet", &subnet.scope.key(&subnet.id)).any(|other| {
        let is_current = current.is_some_and(|current| current.id == other.id);
        !is_current && other.subnets.iter().any(|place| place.private_ipv4_address == Some(address))
    });
    if taken || asked_for {
        return Err(super::errors::in_use(format!("The private IPv4 address '{address}' is already in use")));
    }
    Ok(())
}

/// The Elastic IP address must be there, named once, and nothing else's.
fn check_allocation(
    view: &View,
    scope: &Scope,
    wanted: &Wanted,
    id: &str,
    current: Option<&LoadBalancer>,
) -> Result<(), ServiceError> {
    if wanted.kind != LoadBalancerKind::Network || wanted.scheme != Scheme::InternetFacing {
        return Err(validation(
            "Elastic IP addresses can be specified only for internet-facing network load balancers",
        ));
    }
    let key = scope.key(id);
    let Some(row) = view.elastic_ips.get(&key) else {
        let message = format!("The allocation ID '{id}' does not exist");
        return Err(ServiceError::caller("AllocationIdNotFound", message));
    };
    let mine = current.map(|current| current.scope.key(&current.path()));
    let is_elsewhere = row.association.as_ref().is_some_and(|association| {
        let interface = view.network_interfaces.get(&scope.key(&association.network_interface_id));
        interface.and_then(|interface| interface.load_balancer_key.clone()) != mine || mine.is_none()
    });
    let asked_for = view
        .elb_load_balancers
        .by("allocation", &key)
        .any(|other| current.is_none_or(|current| current.id != other.id));
    let repeated =
        wanted.subnets.iter().filter(|subnet| subnet.allocation_id.as_deref() == Some(id)).count() > 1;
    if is_elsewhere || asked_for || repeated {
        return Err(super::errors::in_use(format!("The Elastic IP address '{id}' is already in use")));
    }
    Ok(())
}

fn find<'v>(view: &'v View, scope: &Scope, id: &str) -> Result<&'v Row<Subnet>, ServiceError> {
    view.subnets
        .get(&scope.key(id))
        .ok_or_else(|| ServiceError::caller("SubnetNotFound", format!("The subnet ID '{id}' does not exist")))
}

pub fn invalid_subnet(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidSubnet", message)
}
