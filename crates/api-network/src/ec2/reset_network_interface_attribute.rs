//! ResetNetworkInterfaceAttribute: of the source and destination check, the only attribute that it knows.

use state_model::ec2::NetworkInterface;
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::ResetNetworkInterfaceAttributeRequest;

use super::errors::{check_dry_run, missing_parameter};
use super::{Context, interface_lookup};

pub async fn reset_network_interface_attribute(
    context: Context,
    input: ResetNetworkInterfaceAttributeRequest,
) -> Result<Empty, ServiceError> {
    let any = context.scope.arn("ec2", "network-interface/*");
    context.authorise("ec2:ResetNetworkInterfaceAttribute", &any)?;
    if input.source_dest_check.is_none() {
        return Err(missing_parameter("sourceDestCheck"));
    }
    context
        .transact(|view, transaction| {
            let id = input.network_interface_id.as_deref();
            let row = interface_lookup::of_user(view, &context.scope, id)?;
            check_dry_run(input.dry_run)?;
            let next = NetworkInterface { source_dest_check: true, ..NetworkInterface::clone(row.record()) };
            transaction.update(row, &next);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}
