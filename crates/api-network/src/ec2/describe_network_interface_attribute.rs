//! DescribeNetworkInterfaceAttribute: one attribute at a time.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    AttributeBooleanValue, AttributeValue, DescribeNetworkInterfaceAttributeRequest,
    DescribeNetworkInterfaceAttributeResult, NetworkInterfaceAttribute,
};

use super::errors::{check_dry_run, invalid_parameter_value, missing_parameter};
use super::{Context, ids, render};

pub async fn describe_network_interface_attribute(
    context: Context,
    input: DescribeNetworkInterfaceAttributeRequest,
) -> Result<DescribeNetworkInterfaceAttributeResult, ServiceError> {
    context.authorise("ec2:DescribeNetworkInterfaceAttribute", "*")?;
    let id = input.network_interface_id.ok_or_else(|| missing_parameter("networkInterfaceId"))?;
    let attribute = input.attribute.ok_or_else(|| missing_parameter("attribute"))?;
    let view = context.view();
    let row = ids::NETWORK_INTERFACE.row(&view.network_interfaces, &context.scope, &id)?;
    let shown = render::network_interface::network_interface(&view, row);
    let mut result = DescribeNetworkInterfaceAttributeResult {
        network_interface_id: Some(id),
        ..DescribeNetworkInterfaceAttributeResult::default()
    };
    match attribute {
        NetworkInterfaceAttribute::Description => {
            result.description = Some(AttributeValue { value: shown.description });
        }
        NetworkInterfaceAttribute::GroupSet => result.groups = shown.groups,
        NetworkInterfaceAttribute::SourceDestCheck => {
            result.source_dest_check = Some(AttributeBooleanValue { value: shown.source_dest_check });
        }
        NetworkInterfaceAttribute::Attachment => result.attachment = shown.attachment,
        NetworkInterfaceAttribute::AssociatePublicIpAddress => {
            result.associate_public_ip_address = Some(row.public_address.is_some());
        }
        NetworkInterfaceAttribute::Other(other) => {
            return Err(invalid_parameter_value(format!(
                "Value ({other}) for parameter attribute is invalid. Unknown attribute."
            )));
        }
    }
    check_dry_run(input.dry_run)?;
    Ok(result)
}
