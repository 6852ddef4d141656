//! CreateNetworkInterface: one of the caller's own. Without instances it can be attached to nothing; it keeps its addresses.

use std::net::Ipv4Addr;

use state_model::ec2::{NetworkInterface, Subnet};
use state_tables::View;
use state_tables::addresses::{self, Reserved};
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    CreateNetworkInterfaceRequest, CreateNetworkInterfaceResult, PrivateIpAddressSpecification, ResourceType,
};

use super::client_tokens::Token;
use super::errors::{
    check_dry_run, invalid_parameter_combination, invalid_parameter_value, missing_parameter,
    unsupported_operation,
};
use super::limits::{DESCRIPTION_LENGTH_MAX, NETWORK_INTERFACES_MAX};
use super::{Context, ids, interface_addresses, interface_ipv6, render, tags};

/// The addresses that were asked for.
#[derive(Debug, Default)]
struct Wanted {
    primary: Option<Ipv4Addr>,
    secondary: Vec<Ipv4Addr>,
    /// Secondary ones that are chosen.
    count: usize,
}

pub async fn create_network_interface(
    context: Context,
    input: CreateNetworkInterfaceRequest,
) -> Result<CreateNetworkInterfaceResult, ServiceError> {
    let any = context.scope.arn("ec2", "network-interface/*");
    context.authorise("ec2:CreateNetworkInterface", &any)?;
    refuse_unsupported(&input)?;
    let subnet_id = input.subnet_id.clone().filter(|id| !id.is_empty());
    let subnet_id = subnet_id.ok_or_else(|| missing_parameter("subnetId"))?;
    let anonymous = CreateNetworkInterfaceRequest { client_token: None, dry_run: None, ..input.clone() };
    let token = Token::new("CreateNetworkInterface", input.client_token.clone(), &anonymous)?;
    let wanted = wanted(&input)?;
    let wanted_ipv6 = wanted_ipv6(&input)?;
    let description = input.description.unwrap_or_default();
    check_description(&description)?;
    let given_groups = input.groups.unwrap_or_default();
    let tags = tags::from_specifications(input.tag_specifications, &ResourceType::NetworkInterface)?;
    let id = ids::new_id("eni", &*context.random);
    let shown = context
        .transact(|view, transaction| {
            let made = token.as_ref().map(|token| token.made(view, &context.scope)).transpose()?.flatten();
            if let Some(row) = made.and_then(|id| view.network_interfaces.get(&context.scope.key(&id))) {
                check_dry_run(input.dry_run)?;
                return Ok(render::network_interface::network_interface(view, row));
            }
            let subnet = ids::SUBNET.row(&view.subnets, &context.scope, &subnet_id)?;
            let groups = interface_addresses::groups(view, &context, &subnet.vpc_id, &given_groups)?;
            if view.network_interfaces.prefix(&context.scope.key("")).count() >= NETWORK_INTERFACES_MAX {
                let message = "The maximum number of network interfaces has been reached.";
                return Err(ServiceError::caller("NetworkInterfaceLimitExceeded", message));
            }
            let (primary, secondary) = choose(view, &context, subnet, &wanted)?;
            let ipv6_addresses = wanted_ipv6.choose(view, subnet, &*context.random)?;
            check_dry_run(input.dry_run)?;
            let interface = NetworkInterface {
                description: description.clone(),
                security_groups: groups.iter().map(|group| group.id.clone()).collect(),
                secondary_addresses: secondary,
                ipv6_addresses,
                tags: tags.clone(),
                ..interface_addresses::new_interface(&context, id.clone(), subnet, primary)
            };
            addresses::claim(transaction, subnet);
            groups.iter().for_each(|group| transaction.expect(group));
            transaction.insert(&interface);
            token.iter().for_each(|token| token.write(transaction, &context.scope, &id));
            Ok(render::network_interface::network_interface(view, &interface))
        })
        .await?;
    Ok(CreateNetworkInterfaceResult { client_token: input.client_token, network_interface: Some(shown) })
}

fn refuse_unsupported(input: &CreateNetworkInterfaceRequest) -> Result<(), ServiceError> {
    if input.enable_primary_ipv6 == Some(true) {
        return Err(unsupported_operation("Primary IPv6 addresses are not available here."));
    }
    let has_prefixes = input.ipv4_prefix_count.is_some_and(|count| count != 0)
        || input.ipv4_prefixes.as_ref().is_some_and(|prefixes| !prefixes.is_empty())
        || input.ipv6_prefix_count.is_some_and(|count| count != 0)
        || input.ipv6_prefixes.as_ref().is_some_and(|prefixes| !prefixes.is_empty());
    if has_prefixes {
        return Err(unsupported_operation("Prefix delegation is not available here."));
    }
    if let Some(kind) = input.interface_type.as_ref().filter(|kind| kind.as_str() != "interface") {
        return Err(unsupported_operation(format!("Interfaces of type '{kind}' are not available here.")));
    }
    if input.connection_tracking_specification.is_some() {
        return Err(unsupported_operation("Timeouts of connection tracking can't be set here."));
    }
    if input.operator.is_some() {
        return Err(unsupported_operation("Interfaces of service providers are not available here."));
    }
    Ok(())
}

fn wanted_ipv6(input: &CreateNetworkInterfaceRequest) -> Result<interface_ipv6::Wanted, ServiceError> {
    let listed = input.ipv6_addresses.iter().flatten();
    let given = listed.map(|address| address.ipv6_address.as_deref().unwrap_or_default());
    interface_ipv6::Wanted::read(input.ipv6_address_count, given)
}

fn wanted(input: &CreateNetworkInterfaceRequest) -> Result<Wanted, ServiceError> {
    let count = interface_addresses::secondary_count(input.secondary_private_ip_address_count)?;
    let mut wanted = Wanted { count, ..Wanted::default() };
    if let Some(text) = input.private_ip_address.as_deref().filter(|text| !text.is_empty()) {
        wanted.primary = Some(interface_addresses::parse(text)?);
    }
    for PrivateIpAddressSpecification { primary, private_ip_address } in
        input.private_ip_addresses.iter().flatten()
    {
        let text = private_ip_address.as_deref().ok_or_else(|| missing_parameter("PrivateIpAddress"))?;
        let address = interface_addresses::parse(text)?;
        if *primary != Some(true) {
            wanted.secondary.push(address);
        } else if wanted.primary.replace(address).is_some() {
            return Err(invalid_parameter_combination(
                "Only one primary private IP address can be specified.",
            ));
        }
    }
    if wanted.count > 0 && !wanted.secondary.is_empty() {
        return Err(invalid_parameter_combination(
            "The secondary private IP address count cannot be specified together with private IP addresses.",
        ));
    }
    interface_addresses::check_count(1 + wanted.count + wanted.secondary.len())?;
    let mut all: Vec<_> = wanted.primary.iter().chain(&wanted.secondary).collect();
    all.sort_unstable();
    if all.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(invalid_parameter_value("A private IP address is specified more than once."));
    }
    Ok(wanted)
}

fn choose(
    view: &View,
    context: &Context,
    subnet: &Subnet,
    wanted: &Wanted,
) -> Result<(Ipv4Addr, Vec<Ipv4Addr>), ServiceError> {
    let mut reserved = Reserved::default();
    for address in wanted.primary.iter().chain(&wanted.secondary) {
        interface_addresses::check_wanted(view, subnet, *address, &reserved)?;
    }
    for address in wanted.primary.iter().chain(&wanted.secondary) {
        reserved.add(subnet, *address);
    }
    let random = &*context.random;
    let primary = match wanted.primary {
        Some(address) => address,
        None => addresses::allocate(view, subnet, &mut reserved, random)
            .ok_or_else(|| interface_addresses::insufficient_addresses(&subnet.id))?,
    };
    let mut secondary = wanted.secondary.clone();
    secondary.extend(interface_addresses::choose(view, subnet, wanted.count, &mut reserved, random)?);
    Ok((primary, secondary))
}

pub fn check_description(text: &str) -> Result<(), ServiceError> {
    if text.chars().count() > DESCRIPTION_LENGTH_MAX {
        return Err(invalid_parameter_value(format!(
            "Value ({text}) for parameter description is invalid. It can have at most {DESCRIPTION_LENGTH_MAX} characters."
        )));
    }
    Ok(())
}
