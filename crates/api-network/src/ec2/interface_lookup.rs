//! Finding an interface that a request may change: one of the caller's own.

use state_model::Scope;
use state_model::ec2::NetworkInterface;
use state_model::ec2::network_interface::InterfaceOwner;
use state_tables::{Row, View};
use wire_schema::ServiceError;

use super::errors::missing_parameter;
use super::ids;

/// Interfaces of tasks, load balancers, NAT gateways and endpoints are their services' to change.
pub fn of_user<'v>(
    view: &'v View,
    scope: &Scope,
    id: Option<&str>,
) -> Result<&'v Row<NetworkInterface>, ServiceError> {
    let id = id.filter(|id| !id.is_empty()).ok_or_else(|| missing_parameter("networkInterfaceId"))?;
    let row = ids::NETWORK_INTERFACE.row(&view.network_interfaces, scope, id)?;
    match row.owner() {
        InterfaceOwner::User => Ok(row),
        _ => Err(requester_managed(id)),
    }
}

pub fn requester_managed(id: &str) -> ServiceError {
    ServiceError::caller(
        "OperationNotPermitted",
        format!("You are not allowed to manage '{id}': the network interface is requester-managed."),
    )
}
