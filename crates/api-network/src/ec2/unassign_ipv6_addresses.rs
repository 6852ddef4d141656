//! UnassignIpv6Addresses: takes IPv6 addresses from an interface.

use std::net::Ipv6Addr;

use state_model::ec2::NetworkInterface;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{UnassignIpv6AddressesRequest, UnassignIpv6AddressesResult};

use super::errors::{invalid_parameter_value, missing_parameter, unsupported_operation};
use super::{Context, interface_ipv6, interface_lookup};

pub async fn unassign_ipv6_addresses(
    context: Context,
    input: UnassignIpv6AddressesRequest,
) -> Result<UnassignIpv6AddressesResult, ServiceError> {
    let any = context.scope.arn("ec2", "network-interface/*");
    context.authorise("ec2:UnassignIpv6Addresses", &any)?;
    if input.ipv6_prefixes.as_ref().is_some_and(|prefixes| !prefixes.is_empty()) {
        return Err(unsupported_operation("Prefix delegation is not available here."));
    }
    let given = input.ipv6_addresses.unwrap_or_default();
    if given.is_empty() {
        return Err(missing_parameter("ipv6Addresses"));
    }
    let given: Vec<Ipv6Addr> =
        given.iter().map(|text| interface_ipv6::parse(text)).collect::<Result<_, _>>()?;
    let interface_id = context
        .transact(|view, transaction| {
            let id = input.network_interface_id.as_deref();
            let row = interface_lookup::of_user(view, &context.scope, id)?;
            if given.iter().any(|address| !row.ipv6_addresses.contains(address)) {
                let list = given.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                return Err(invalid_parameter_value(format!(
                    "Some of [{list}] are not assigned to interface {}",
                    row.id
                )));
            }
            let mut next = NetworkInterface::clone(row.record());
            next.ipv6_addresses.retain(|address| !given.contains(address));
            transaction.update(row, &next);
            Ok(row.id.clone())
        })
        .await?;
    Ok(UnassignIpv6AddressesResult {
        network_interface_id: Some(interface_id),
        unassigned_ipv6_addresses: Some(given.iter().map(Ipv6Addr::to_string).collect()),
        unassigned_ipv6_prefixes: None,
    })
}
