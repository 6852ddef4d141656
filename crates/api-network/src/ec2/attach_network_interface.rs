//! AttachNetworkInterface: there are no instances that it could be attached to.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{AttachNetworkInterfaceRequest, AttachNetworkInterfaceResult};

use super::errors::{instance_not_found, missing_parameter};
use super::{Context, interface_lookup};

pub async fn attach_network_interface(
    context: Context,
    input: AttachNetworkInterfaceRequest,
) -> Result<AttachNetworkInterfaceResult, ServiceError> {
    let any = context.scope.arn("ec2", "network-interface/*");
    context.authorise("ec2:AttachNetworkInterface", &any)?;
    let instance = input.instance_id.ok_or_else(|| missing_parameter("instanceId"))?;
    if input.device_index.is_none() {
        return Err(missing_parameter("deviceIndex"));
    }
    let view = context.view();
    interface_lookup::of_user(&view, &context.scope, input.network_interface_id.as_deref())?;
    Err(instance_not_found(&instance))
}
