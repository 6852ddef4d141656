//! Finding the Elastic IP address that a request names: by its allocation, its association, or the address itself.

use std::net::Ipv4Addr;

use state_model::Scope;
use state_model::ec2::elastic_ip::ElasticIpAssociation;
use state_model::ec2::network_interface::InterfaceOwner;
use state_model::ec2::{ElasticIp, NetworkInterface};
use state_tables::{Row, View};
use wire_schema::ServiceError;

use super::errors::{invalid_parameter_value, not_permitted};

pub fn by_address<'v>(view: &'v View, scope: &Scope, text: &str) -> Result<&'v Row<ElasticIp>, ServiceError> {
    let address: Ipv4Addr = text.parse().map_err(|_| {
        invalid_parameter_value(format!(
            "Value ({text}) for parameter publicIp is invalid. Invalid IPv4 address."
        ))
    })?;
    let row = view.elastic_ips.by("address", &scope.key(&address.to_string())).next();
    row.ok_or_else(|| address_not_found(text))
}

pub fn by_association<'v>(
    view: &'v View,
    scope: &Scope,
    id: &str,
) -> Result<&'v Row<ElasticIp>, ServiceError> {
    let row = view.elastic_ips.by("association", &scope.key(id)).next();
    row.ok_or_else(|| association_not_found(id))
}

/// The address of one private address of an interface.
pub fn of_private_address<'v>(
    view: &'v View,
    interface: &NetworkInterface,
    private_address: Ipv4Addr,
) -> Option<(&'v Row<ElasticIp>, &'v ElasticIpAssociation)> {
    let rows = view.elastic_ips.by("interface", &interface.scope.key(&interface.id));
    rows.filter_map(|row| Some((row, row.association.as_ref()?)))
        .find(|(_, association)| association.private_address == private_address)
}

/// Refuses when the address is with a NAT gateway or a load balancer, which alone give it back.
pub fn check_movable(view: &View, address: &ElasticIp) -> Result<(), ServiceError> {
    let Some(association) = &address.association else { return Ok(()) };
    let interface = view.network_interfaces.get(&address.scope.key(&association.network_interface_id));
    match interface.map(|interface| interface.owner()) {
        None | Some(InterfaceOwner::User) => Ok(()),
        Some(_) => Err(not_permitted()),
    }
}

pub fn address_not_found(text: &str) -> ServiceError {
    ServiceError::caller("InvalidAddress.NotFound", format!("Address '{text}' not found."))
}

pub fn association_not_found(id: &str) -> ServiceError {
    ServiceError::caller("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist"))
}

pub fn already_associated(allocation_id: &str, association_id: &str) -> ServiceError {
    ServiceError::caller(
        "Resource.AlreadyAssociated",
        format!("resource {allocation_id} is already associated with associate-id {association_id}"),
    )
}

pub fn no_internet_gateway(vpc_id: &str) -> ServiceError {
    let message = format!("Network {vpc_id} is not attached to any internet gateway");
    ServiceError::caller("Gateway.NotAttached", message)
}
