//! UnassignPrivateIpAddresses: takes secondary addresses from an interface.

use std::net::Ipv4Addr;

use state_model::ec2::{ElasticIp, NetworkInterface};
use state_tables::{Row, Transaction, View};
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::UnassignPrivateIpAddressesRequest;

use super::errors::{invalid_parameter_value, missing_parameter, unsupported_operation};
use super::{Context, elastic_ip_lookup, interface_addresses, interface_lookup};

pub async fn unassign_private_ip_addresses(
    context: Context,
    input: UnassignPrivateIpAddressesRequest,
) -> Result<Empty, ServiceError> {
    let any = context.scope.arn("ec2", "network-interface/*");
    context.authorise("ec2:UnassignPrivateIpAddresses", &any)?;
    if input.ipv4_prefixes.as_ref().is_some_and(|prefixes| !prefixes.is_empty()) {
        return Err(unsupported_operation("Prefix delegation is not available here."));
    }
    let given = input.private_ip_addresses.unwrap_or_default();
    if given.is_empty() {
        return Err(missing_parameter("privateIpAddress"));
    }
    let given: Vec<Ipv4Addr> =
        given.iter().map(|text| interface_addresses::parse(text)).collect::<Result<_, _>>()?;
    context
        .transact(|view, transaction| {
            let id = input.network_interface_id.as_deref();
            let row = interface_lookup::of_user(view, &context.scope, id)?;
            if given.contains(&row.address) {
                return Err(invalid_parameter_value(format!(
                    "The address {} is the primary address of interface {} and can't be unassigned.",
                    row.address, row.id
                )));
            }
            if given.iter().any(|address| !row.secondary_addresses.contains(address)) {
                let list = given.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                return Err(invalid_parameter_value(format!(
                    "Some of [{list}] are not assigned to interface {}",
                    row.id
                )));
            }
            without(view, transaction, row, &given);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

/// The interface without these secondary addresses, and without the Elastic IP addresses that stood for them.
pub fn without(view: &View, transaction: &mut Transaction, row: &Row<NetworkInterface>, lost: &[Ipv4Addr]) {
    let mut next = NetworkInterface::clone(row.record());
    next.secondary_addresses.retain(|address| !lost.contains(address));
    transaction.update(row, &next);
    let held = lost.iter().filter_map(|address| elastic_ip_lookup::of_private_address(view, row, *address));
    for (elastic_ip, _) in held {
        transaction
            .update(elastic_ip, &ElasticIp { association: None, ..ElasticIp::clone(elastic_ip.record()) });
    }
}
