//! ModifyNetworkInterfaceAttribute: description, groups or the source and destination check, one at a time.

use state_model::ec2::NetworkInterface;
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::ModifyNetworkInterfaceAttributeRequest;

use super::create_network_interface::check_description;
use super::detach_network_interface::attachment_not_found;
use super::errors::{check_dry_run, invalid_parameter_combination, missing_parameter, unsupported_operation};
use super::{Context, interface_addresses, interface_lookup};

pub async fn modify_network_interface_attribute(
    context: Context,
    input: ModifyNetworkInterfaceAttributeRequest,
) -> Result<Empty, ServiceError> {
    let any = context.scope.arn("ec2", "network-interface/*");
    context.authorise("ec2:ModifyNetworkInterfaceAttribute", &any)?;
    refuse_unsupported(&input)?;
    check_one(&input)?;
    let description =
        input.description.as_ref().map(|description| description.value.clone().unwrap_or_default());
    description.as_deref().map(check_description).transpose()?;
    context
        .transact(|view, transaction| {
            let id = input.network_interface_id.as_deref();
            let row = interface_lookup::of_user(view, &context.scope, id)?;
            let mut next = NetworkInterface::clone(row.record());
            if let Some(attachment) = &input.attachment {
                return Err(attachment_not_found(attachment.attachment_id.as_deref().unwrap_or_default()));
            }
            if let Some(description) = &description {
                next.description.clone_from(description);
            }
            if let Some(value) = input.source_dest_check.as_ref().and_then(|check| check.value) {
                next.source_dest_check = value;
            }
            if let Some(given) = &input.groups {
                let groups = interface_addresses::groups(view, &context, &row.vpc_id, given)?;
                groups.iter().for_each(|group| transaction.expect(group));
                next.security_groups = groups.iter().map(|group| group.id.clone()).collect();
            }
            check_dry_run(input.dry_run)?;
            transaction.update(row, &next);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

fn refuse_unsupported(input: &ModifyNetworkInterfaceAttributeRequest) -> Result<(), ServiceError> {
    let has_other = input.associate_public_ip_address.is_some()
        || input.associated_subnet_ids.is_some()
        || input.connection_tracking_specification.is_some()
        || input.ena_srd_specification.is_some();
    if has_other {
        return Err(unsupported_operation(
            "Only the description, the groups and the source/destination check of an interface can be modified here.",
        ));
    }
    if input.enable_primary_ipv6 == Some(true) {
        return Err(unsupported_operation("Primary IPv6 addresses are not available here."));
    }
    Ok(())
}

fn check_one(input: &ModifyNetworkInterfaceAttributeRequest) -> Result<(), ServiceError> {
    let given = [
        input.attachment.is_some(),
        input.description.is_some(),
        input.groups.is_some(),
        input.source_dest_check.is_some(),
    ];
    match given.into_iter().filter(|given| *given).count() {
        0 => Err(missing_parameter("attribute")),
        1 => Ok(()),
        _ => Err(invalid_parameter_combination("Only one attribute can be modified at a time.")),
    }
}
