//! Where the network interfaces of new tasks go.

use state_model::Scope;
use state_model::ec2::Subnet;
use state_tables::{Row, View};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use super::errors::invalid_parameter;
use super::limits::{SECURITY_GROUPS_MAX, SUBNETS_MAX};

/// A checked `awsvpcConfiguration`: subnets and groups exist and share a VPC.
#[derive(Debug)]
pub struct Network<'v> {
    pub subnets: Vec<&'v Row<Subnet>>,
    /// Ids. The VPC's default group when none was given.
    pub security_groups: Vec<String>,
    pub security_groups_given: Vec<String>,
    pub assign_public_ip: bool,
}

pub fn network<'v>(
    view: &'v View,
    scope: &Scope,
    given: Option<&wire::NetworkConfiguration>,
) -> Result<Network<'v>, ServiceError> {
    let Some(given) = given.and_then(|network| network.awsvpc_configuration.as_ref()) else {
        return Err(invalid_parameter(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ));
    };
    let subnets = subnets(view, scope, given.subnets.as_deref().unwrap_or_default())?;
    let vpc_id = &subnets[0].vpc_id;
    let groups = given.security_groups.as_deref().unwrap_or_default();
    if groups.len() > SECURITY_GROUPS_MAX {
        return Err(invalid_parameter(format!(
            "securityGroups can have at most {SECURITY_GROUPS_MAX} items."
        )));
    }
    let mut security_groups: Vec<String> = Vec::with_capacity(groups.len());
    for id in groups {
        if view.security_groups.get(&scope.key(id)).is_none_or(|group| group.vpc_id != *vpc_id) {
            return Err(unknown_group(view, scope, id));
        }
        if !security_groups.contains(id) {
            security_groups.push(id.clone());
        }
    }
    let security_groups_given = security_groups.clone();
    if security_groups.is_empty() {
        security_groups.extend(view.default_security_group(scope, vpc_id).map(|group| group.id.clone()));
    }
    let assign_public_ip = match &given.assign_public_ip {
        None | Some(wire::AssignPublicIp::Disabled) => false,
        Some(wire::AssignPublicIp::Enabled) => true,
        Some(wire::AssignPublicIp::Other(other)) => {
            return Err(invalid_parameter(format!(
                "Invalid assignPublicIp: {other}. Must be one of [ENABLED, DISABLED]"
            )));
        }
    };
    Ok(Network { subnets, security_groups, security_groups_given, assign_public_ip })
}

fn subnets<'v>(view: &'v View, scope: &Scope, ids: &[String]) -> Result<Vec<&'v Row<Subnet>>, ServiceError> {
    if ids.is_empty() {
        return Err(invalid_parameter("subnets can not be empty."));
    }
    if ids.len() > SUBNETS_MAX {
        return Err(invalid_parameter(format!("subnets can have at most {SUBNETS_MAX} items.")));
    }
    let mut found: Vec<&Row<Subnet>> = Vec::with_capacity(ids.len());
    for id in ids {
        let subnet = view.subnets.get(&scope.key(id)).ok_or_else(|| {
            invalid_parameter(format!(
                "Error retrieving subnet information for [{id}]: The subnet ID '{id}' does not exist \
                 (ErrorCode: InvalidSubnetID.NotFound)"
            ))
        })?;
        if found.first().is_some_and(|first| first.vpc_id != subnet.vpc_id) {
            return Err(invalid_parameter("All subnets and security groups must belong to the same VPC."));
        }
        if found.iter().all(|other| other.id != subnet.id) {
            found.push(subnet);
        }
    }
    Ok(found)
}

fn unknown_group(view: &View, scope: &Scope, id: &str) -> ServiceError {
    if view.security_groups.contains(&scope.key(id)) {
        return invalid_parameter("All subnets and security groups must belong to the same VPC.");
    }
    invalid_parameter(format!(
        "Error retrieving security group information for [{id}]: The security group '{id}' does not exist \
         (ErrorCode: InvalidGroup.NotFound)"
    ))
}
