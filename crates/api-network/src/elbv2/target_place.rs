//! Whether something can be a target of a group, and in which zone it is.

use std::net::{IpAddr, Ipv4Addr};

use state_model::Record;
use state_model::ec2::subnet::Ipv4Block;
use state_model::elbv2::TargetGroup;
use state_model::elbv2::load_balancer::LoadBalancerKind;
use state_model::elbv2::target_group::TargetType;
use state_tables::{View, elb_usage};
use wire_schema::ServiceError;

use super::arns;
use super::client_addresses;
use super::errors::validation;

/// Blocks outside of the VPC whose addresses may be targets.
const PRIVATE_BLOCKS: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];
/// The zone of a target outside of the VPC.
const ALL: &str = "all";

#[derive(Debug)]
pub struct Place {
    /// In its one spelling.
    pub id: String,
    pub availability_zone: Option<String>,
}

pub fn find(
    view: &View,
    group: &TargetGroup,
    id: &str,
    port: u16,
    zone: Option<&str>,
) -> Result<Place, ServiceError> {
    match group.target_type {
        TargetType::Ip => {
            let place = address(view, group, id, zone)?;
            client_addresses::check_target(view, group, &place.id)?;
            Ok(place)
        }
        TargetType::Instance => Err(instance(id)),
        TargetType::Alb => load_balancer(view, group, id, port),
    }
}

/// There are no instances: what AWS says of one that doesn't run.
fn instance(id: &str) -> ServiceError {
    let digits = id.strip_prefix("i-").unwrap_or_default();
    if !matches!(digits.len(), 8 | 17) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return validation(format!("Instance ID '{id}' is not valid"));
    }
    invalid_target(format!(
        "The following targets are not in a running state and cannot be registered: '{id}'"
    ))
}

fn address(view: &View, group: &TargetGroup, id: &str, zone: Option<&str>) -> Result<Place, ServiceError> {
    let address = match id.parse() {
        Ok(IpAddr::V4(address)) => address,
        Ok(IpAddr::V6(_)) => {
            return Err(validation(format!(
                "The IP address '{id}' must be an IPv4 address: the target group has IP address type 'ipv4'"
            )));
        }
        Err(_) => return Err(validation(format!("The IP address '{id}' is not a valid IPv4 address"))),
    };
    let place = |zone: &str| Place { id: address.to_string(), availability_zone: Some(zone.to_owned()) };
    let vpc_key = group.scope.key(&group.vpc_id);
    let vpc = view.vpcs.get(&vpc_key).and_then(|vpc| Ipv4Block::parse(&vpc.cidr_block));
    if vpc.is_some_and(|block| block.contains(address)) {
        let mut subnets = view.subnets.by("vpc", &vpc_key);
        let subnet = subnets.find(|subnet| contains(&subnet.cidr_block, address)).ok_or_else(|| {
            invalid_target(format!("The IP address '{id}' is in no subnet of the VPC '{}'", group.vpc_id))
        })?;
        return match zone {
            Some(zone) if zone != ALL && zone != subnet.availability_zone => {
                Err(validation(format!("The IP address '{id}' is not in the Availability Zone '{zone}'")))
            }
            // The balancer reaches an address of the VPC from its own zone or from any, as the group says.
            Some(ALL) => Ok(place(ALL)),
            _ => Ok(place(&subnet.availability_zone)),
        };
    }
    if !PRIVATE_BLOCKS.iter().any(|block| contains(block, address)) {
        return Err(validation(format!(
            "The IP address '{id}' must be a valid IPv4 address, or an RFC 1918 or RFC 6598 address, within the VPC '{}' \
             or reachable from it",
            group.vpc_id
        )));
    }
    if zone != Some(ALL) {
        return Err(invalid_target(format!(
            "The IP address '{id}' is not within the VPC '{}': specify the Availability Zone 'all' for an address outside \
             of it",
            group.vpc_id
        )));
    }
    Ok(place(ALL))
}

fn contains(block: &str, address: Ipv4Addr) -> bool {
    Ipv4Block::parse(block).is_some_and(|block| block.contains(address))
}

fn load_balancer(view: &View, group: &TargetGroup, arn: &str, port: u16) -> Result<Place, ServiceError> {
    let row = arns::find_load_balancer(view, &group.scope, arn)?;
    let row = row.filter(|row| row.kind == LoadBalancerKind::Application && row.vpc_id == group.vpc_id);
    let row = row.ok_or_else(|| {
        invalid_target(format!(
            "The target '{arn}' is not an application load balancer in the VPC '{}'",
            group.vpc_id
        ))
    })?;
    if port != group.port {
        return Err(validation("The port of a target of type 'alb' must be the port of its target group"));
    }
    let mut listeners = elb_usage::listeners_of_load_balancer(view, &row.key());
    if !listeners.any(|listener| listener.port == port) {
        return Err(invalid_target(format!("The load balancer '{arn}' has no listener on port {port}")));
    }
    Ok(Place { id: row.arn(), availability_zone: None })
}

fn invalid_target(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidTarget", message)
}
