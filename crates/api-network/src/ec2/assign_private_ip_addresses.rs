//! AssignPrivateIpAddresses: more addresses for an interface, named or chosen.

use std::net::Ipv4Addr;

use state_model::ec2::network_interface::{InterfaceOwner, address_index_value};
use state_model::ec2::{NetworkInterface, Subnet};
use state_tables::addresses::{self, Reserved};
use state_tables::{Row, Transaction, View};
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    AssignPrivateIpAddressesRequest, AssignPrivateIpAddressesResult, AssignedPrivateIpAddress,
};

use super::errors::{
    invalid_parameter_combination, invalid_parameter_value, missing_parameter, unsupported_operation,
};
use super::unassign_private_ip_addresses::without;
use super::{Context, ids, interface_addresses, interface_lookup};

pub async fn assign_private_ip_addresses(
    context: Context,
    input: AssignPrivateIpAddressesRequest,
) -> Result<AssignPrivateIpAddressesResult, ServiceError> {
    let any = context.scope.arn("ec2", "network-interface/*");
    context.authorise("ec2:AssignPrivateIpAddresses", &any)?;
    let has_prefixes = input.ipv4_prefix_count.is_some_and(|count| count != 0)
        || input.ipv4_prefixes.as_ref().is_some_and(|prefixes| !prefixes.is_empty());
    if has_prefixes {
        return Err(unsupported_operation("Prefix delegation is not available here."));
    }
    let count = interface_addresses::secondary_count(input.secondary_private_ip_address_count)?;
    let given = input.private_ip_addresses.unwrap_or_default();
    let mut given: Vec<Ipv4Addr> =
        given.iter().map(|text| interface_addresses::parse(text)).collect::<Result<_, _>>()?;
    given.sort_unstable();
    given.dedup();
    match (given.len(), count) {
        (0, 0) => return Err(missing_parameter("privateIpAddress")),
        (0, _) | (_, 0) => {}
        _ => {
            return Err(invalid_parameter_combination(
                "The secondary private IP address count cannot be specified together with private IP addresses.",
            ));
        }
    }
    let (interface_id, assigned) = context
        .transact(|view, transaction| {
            let id = input.network_interface_id.as_deref();
            let row = interface_lookup::of_user(view, &context.scope, id)?;
            let subnet = ids::SUBNET.row(&view.subnets, &context.scope, &row.subnet_id)?;
            let new: Vec<_> =
                given.iter().copied().filter(|address| !row.addresses().any(|own| own == *address)).collect();
            let allowed = input.allow_reassignment.unwrap_or(false);
            take_from_others(view, transaction, row, subnet, &new, allowed)?;
            let mut reserved = Reserved::default();
            let chosen = interface_addresses::choose(view, subnet, count, &mut reserved, &*context.random)?;
            let mut next = NetworkInterface::clone(row.record());
            next.secondary_addresses.extend(new.iter().chain(&chosen));
            interface_addresses::check_count(1 + next.secondary_addresses.len())?;
            addresses::claim(transaction, subnet);
            transaction.update(row, &next);
            let assigned = if count > 0 { chosen } else { given.clone() };
            Ok((row.id.clone(), assigned))
        })
        .await?;
    let shown =
        |address: Ipv4Addr| AssignedPrivateIpAddress { private_ip_address: Some(address.to_string()) };
    Ok(AssignPrivateIpAddressesResult {
        assigned_ipv4_prefixes: None,
        assigned_private_ip_addresses: Some(assigned.into_iter().map(shown).collect()),
        network_interface_id: Some(interface_id),
    })
}

/// Checks the named addresses, and takes those that another interface has as a secondary one, when that is allowed.
fn take_from_others(
    view: &View,
    transaction: &mut Transaction,
    row: &Row<NetworkInterface>,
    subnet: &Subnet,
    new: &[Ipv4Addr],
    allowed: bool,
) -> Result<(), ServiceError> {
    let mut losing: Vec<(&Row<NetworkInterface>, Vec<Ipv4Addr>)> = Vec::new();
    for address in new {
        interface_addresses::check_range(subnet, *address)?;
        let value = address_index_value(&subnet.scope, &subnet.id, *address);
        let Some(other) = view.network_interfaces.by("address", &value).next() else { continue };
        if !allowed || other.owner() != InterfaceOwner::User {
            return Err(interface_addresses::in_use());
        }
        if other.address == *address {
            return Err(invalid_parameter_value(format!(
                "The address {address} is the primary address of interface {} and can't be reassigned.",
                other.id
            )));
        }
        match losing.iter_mut().find(|(present, _)| present.id == other.id) {
            Some((_, lost)) => lost.push(*address),
            None => losing.push((other, vec![*address])),
        }
    }
    debug_assert!(losing.iter().all(|(other, _)| other.id != row.id), "own addresses are no new ones");
    for (other, lost) in losing {
        without(view, transaction, other, &lost);
    }
    Ok(())
}
