//! ModifySubnetAttribute: one attribute per request.

use state_model::ec2::Subnet;
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::{AttributeBooleanValue, HostnameType, ModifySubnetAttributeRequest};

use super::errors::{invalid_parameter_combination, invalid_parameter_value, missing_parameter};
use super::unsupported::{check_off, unsupported};
use super::{Context, ids};

pub async fn modify_subnet_attribute(
    context: Context,
    input: ModifySubnetAttributeRequest,
) -> Result<Empty, ServiceError> {
    let id = input.subnet_id.clone().ok_or_else(|| missing_parameter("subnetId"))?;
    context.authorise("ec2:ModifySubnetAttribute", &context.scope.arn("ec2", &format!("subnet/{id}")))?;
    check_one(&input)?;
    check_supported(&input)?;
    context
        .transact(|view, transaction| {
            let row = ids::SUBNET.row(&view.subnets, &context.scope, &id)?;
            let mut subnet = Subnet::clone(row.record());
            if let Some(on) = value(input.map_public_ip_on_launch.as_ref()) {
                subnet.map_public_ip_on_launch = on;
            }
            if let Some(on) = value(input.enable_resource_name_dns_a_record_on_launch.as_ref()) {
                subnet.enable_resource_name_dns_a_record = on;
            }
            if let Some(on) = value(input.assign_ipv6_address_on_creation.as_ref()) {
                check_dual_stack(row, on, "assign-ipv6-address-on-creation")?;
                subnet.assign_ipv6_address_on_creation = on;
            }
            if let Some(on) = value(input.enable_resource_name_dns_aaaa_record_on_launch.as_ref()) {
                check_dual_stack(row, on, "enable-resource-name-dns-aaaa-record-on-launch")?;
                subnet.enable_resource_name_dns_aaaa_record = on;
            }
            if let Some(hostname_type) = &input.private_dns_hostname_type_on_launch {
                subnet.hostname_type = Some(hostname_type.to_string());
            }
            transaction.update(row, &subnet);
            Ok(Empty {})
        })
        .await
}

fn value(attribute: Option<&AttributeBooleanValue>) -> Option<bool> {
    attribute.and_then(|attribute| attribute.value)
}

fn check_dual_stack(subnet: &Subnet, on: bool, attribute: &str) -> Result<(), ServiceError> {
    if on && subnet.ipv6_block.is_none() {
        return Err(invalid_parameter_value(format!(
            "Invalid value 'true' for {attribute}. Cannot set {attribute} to true unless the subnet ({}) has an IPv6 CIDR \
             block associated with it.",
            subnet.id
        )));
    }
    Ok(())
}

fn check_one(input: &ModifySubnetAttributeRequest) -> Result<(), ServiceError> {
    let given = [
        value(input.assign_ipv6_address_on_creation.as_ref()).is_some(),
        input.customer_owned_ipv4_pool.is_some()
            || value(input.map_customer_owned_ip_on_launch.as_ref()).is_some(),
        value(input.disable_lni_at_device_index.as_ref()).is_some(),
        value(input.enable_dns64.as_ref()).is_some(),
        input.enable_lni_at_device_index.is_some(),
        value(input.enable_resource_name_dns_aaaa_record_on_launch.as_ref()).is_some(),
        value(input.enable_resource_name_dns_a_record_on_launch.as_ref()).is_some(),
        value(input.map_public_ip_on_launch.as_ref()).is_some(),
        input.private_dns_hostname_type_on_launch.is_some(),
    ];
    match given.iter().filter(|given| **given).count() {
        0 => Err(missing_parameter("of the attribute to modify")),
        1 => Ok(()),
        _ => Err(invalid_parameter_combination("Fields for multiple attribute types specified")),
    }
}

fn check_supported(input: &ModifySubnetAttributeRequest) -> Result<(), ServiceError> {
    check_off(value(input.enable_dns64.as_ref()), "DNS64 and NAT64 are")?;
    check_off(value(input.map_customer_owned_ip_on_launch.as_ref()), "Customer-owned addresses are")?;
    if input.customer_owned_ipv4_pool.is_some() {
        return Err(unsupported("Customer-owned addresses are"));
    }
    if input.enable_lni_at_device_index.is_some() {
        return Err(unsupported("Local network interfaces of Outposts are"));
    }
    match &input.private_dns_hostname_type_on_launch {
        Some(HostnameType::Other(other)) => Err(invalid_parameter_value(format!(
            "Value ({other}) for parameter privateDnsHostnameTypeOnLaunch is invalid."
        ))),
        _ => Ok(()),
    }
}
