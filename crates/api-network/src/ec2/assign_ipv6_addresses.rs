//! AssignIpv6Addresses: more IPv6 addresses for an interface, named or chosen.

use std::net::Ipv6Addr;

use state_model::ec2::NetworkInterface;
use state_tables::addresses;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{AssignIpv6AddressesRequest, AssignIpv6AddressesResult};

use super::errors::{missing_parameter, unsupported_operation};
use super::interface_ipv6::{self, Wanted};
use super::{Context, ids, interface_lookup};

pub async fn assign_ipv6_addresses(
    context: Context,
    input: AssignIpv6AddressesRequest,
) -> Result<AssignIpv6AddressesResult, ServiceError> {
    let any = context.scope.arn("ec2", "network-interface/*");
    context.authorise("ec2:AssignIpv6Addresses", &any)?;
    let has_prefixes = input.ipv6_prefix_count.is_some_and(|count| count != 0)
        || input.ipv6_prefixes.as_ref().is_some_and(|prefixes| !prefixes.is_empty());
    if has_prefixes {
        return Err(unsupported_operation("Prefix delegation is not available here."));
    }
    let given = input.ipv6_addresses.unwrap_or_default();
    let wanted = Wanted::read(input.ipv6_address_count, given.iter().map(String::as_str))?;
    if matches!(wanted, Wanted::Unsaid | Wanted::Count(0)) {
        return Err(missing_parameter("ipv6Addresses"));
    }
    let (interface_id, assigned) = context
        .transact(|view, transaction| {
            let id = input.network_interface_id.as_deref();
            let row = interface_lookup::of_user(view, &context.scope, id)?;
            let subnet = ids::SUBNET.row(&view.subnets, &context.scope, &row.subnet_id)?;
            let added = without_own(&wanted, row).choose(view, subnet, &*context.random)?;
            let mut next = NetworkInterface::clone(row.record());
            next.ipv6_addresses.extend(&added);
            interface_ipv6::check_count(next.ipv6_addresses.len())?;
            addresses::claim(transaction, subnet);
            transaction.update(row, &next);
            let assigned = if let Wanted::These(given) = &wanted { given.clone() } else { added };
            Ok((row.id.clone(), assigned))
        })
        .await?;
    Ok(AssignIpv6AddressesResult {
        assigned_ipv6_addresses: Some(assigned.iter().map(Ipv6Addr::to_string).collect()),
        assigned_ipv6_prefixes: None,
        network_interface_id: Some(interface_id),
    })
}

/// What the interface has already is no new one.
fn without_own(wanted: &Wanted, interface: &NetworkInterface) -> Wanted {
    let Wanted::These(addresses) = wanted else { return wanted.clone() };
    let new = addresses.iter().copied().filter(|address| !interface.ipv6_addresses.contains(address));
    Wanted::These(new.collect())
}
