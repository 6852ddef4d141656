//! What must be gone before a VPC or a subnet can go.

use state_model::Scope;
use state_model::ec2::nat_gateway::NatGatewayState;
use state_model::ec2::vpc_peering_connection::PeeringStatus;
use state_model::ec2::{NatGateway, Vpc};
use state_tables::{Row, Transaction, View, network_paths};
use wire_schema::ServiceError;

use crate::defaults::DEFAULT_GROUP;

pub fn dependency_violation(noun: &str, id: &str) -> ServiceError {
    let message = format!("The {noun} '{id}' has dependencies and cannot be deleted.");
    ServiceError::caller("DependencyViolation", message)
}

/// Whether anything is in the VPC besides what was made with it.
pub fn vpc_has_any(view: &View, vpc: &Vpc) -> bool {
    let key = vpc.scope.key(&vpc.id);
    view.subnets.any_by("vpc", &key)
        || view.internet_gateways.any_by("vpc", &key)
        || view.egress_only_internet_gateways.any_by("vpc", &key)
        || view.network_interfaces.any_by("vpc", &key)
        || view.vpc_endpoints.any_by("vpc", &key)
        || view.elb_load_balancers.any_by("vpc", &key)
        || view.route_tables.by("vpc", &key).any(|table| !table.is_main())
        || view.network_acls.by("vpc", &key).any(|acl| !acl.is_default)
        || view.security_groups.by("vpc", &key).any(|group| group.name != DEFAULT_GROUP)
        || view.nat_gateways.by("vpc", &key).any(|gateway| is_there(view, gateway))
        || view.vpc_peering_connections.by("vpc", &key).any(|connection| {
            matches!(connection.status, PeeringStatus::Active | PeeringStatus::PendingAcceptance)
        })
}

/// Whether anything has, or is about to have, an address of the subnet.
pub fn subnet_has_any(view: &View, scope: &Scope, subnet_id: &str) -> bool {
    let key = scope.key(subnet_id);
    view.network_interfaces.any_by("subnet", &key)
        || view.vpc_endpoints.any_by("subnet", &key)
        || view.elb_load_balancers.any_by("subnet", &key)
        || view.nat_gateways.by("subnet", &key).any(|gateway| is_there(view, gateway))
}

/// Flow logs end with what they are about.
pub fn delete_flow_logs(view: &View, scope: &Scope, transaction: &mut Transaction, resource_id: &str) {
    for flow_log in view.flow_logs.by("resource", &scope.key(resource_id)) {
        transaction.delete(flow_log);
    }
}

/// A load balancer may come at the same time: whoever makes one changes the region's row, and so does whoever takes a place
/// of load balancers away.
pub fn hold_region(view: &View, scope: &Scope, transaction: &mut Transaction) {
    if let Some(region) = view.regions.get(&scope.to_string()) {
        transaction.update(region, region.record());
    }
}

fn is_there(view: &View, gateway: &Row<NatGateway>) -> bool {
    let state = network_paths::nat_gateway_state(view, gateway);
    !matches!(state, NatGatewayState::Deleted | NatGatewayState::Failed)
}
