//! The attribute `preserve_client_ip.enabled`: which groups may change it, and which targets go with it.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html#client-ip-preservation>

use std::net::Ipv4Addr;

use state_model::Record;
use state_model::ec2::subnet::Ipv4Block;
use state_model::elbv2::TargetGroup;
use state_model::elbv2::attributes::{PRESERVE_CLIENT_ADDRESS, must_preserve_client_address};
use state_model::elbv2::target_group::TargetType;
use state_tables::{View, elb_usage};
use wire_schema::ServiceError;

use super::attributes::Change;
use super::errors::{invalid_configuration, unavailable};

pub fn check_change(view: &View, group: &TargetGroup, changes: &[Change]) -> Result<(), ServiceError> {
    let given = changes.iter().find(|(key, _)| key == PRESERVE_CLIENT_ADDRESS);
    match given.map(|(_, value)| value.as_str()) {
        Some("false") if must_preserve_client_address(&group.protocol) => Err(invalid_configuration(
            "preserve_client_ip.enabled cannot be false if the target group protocol is UDP or TCP_UDP",
        )),
        Some("true") if group.target_type == TargetType::Ip => {
            let mut targets = elb_usage::targets_of_group(view, &group.key());
            if targets.any(|target| is_outside(view, group, &target.target_id)) {
                Err(outside())
            } else {
                Ok(())
            }
        }
        _ => Ok(()),
    }
}

/// Answers come back to the load balancer by its VPC alone: another network would send them to the client itself.
pub fn check_target(view: &View, group: &TargetGroup, address: &str) -> Result<(), ServiceError> {
    let refused = elb_usage::preserves_client_address(group) && is_outside(view, group, address);
    if refused { Err(outside()) } else { Ok(()) }
}

fn is_outside(view: &View, group: &TargetGroup, address: &str) -> bool {
    let Ok(address) = address.parse::<Ipv4Addr>() else { return false };
    let vpc = view.vpcs.get(&group.scope.key(&group.vpc_id));
    let mut blocks = vpc.iter().flat_map(|vpc| vpc.cidr_blocks()).filter_map(Ipv4Block::parse);
    !blocks.any(|block| block.contains(address))
}

fn outside() -> ServiceError {
    unavailable("Client IP preservation for targets outside of the load balancer's VPC is")
}
