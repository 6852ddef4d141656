//! DetachNetworkInterface: the attachments that there are belong to services, which alone end them.

use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::DetachNetworkInterfaceRequest;

use super::Context;
use super::errors::missing_parameter;
use super::render::network_interface as shown;

pub async fn detach_network_interface(
    context: Context,
    input: DetachNetworkInterfaceRequest,
) -> Result<Empty, ServiceError> {
    let any = context.scope.arn("ec2", "network-interface/*");
    context.authorise("ec2:DetachNetworkInterface", &any)?;
    let id = input.attachment_id.ok_or_else(|| missing_parameter("attachmentId"))?;
    let view = context.view();
    let all = context.scope.key("");
    let mut interfaces = view.network_interfaces.prefix(&all);
    let is_managed = interfaces
        .any(|(_, interface)| shown::attachment_id(interface) == id && shown::is_attached(&view, interface));
    if is_managed {
        let message = format!("You are not allowed to manage '{id}' attachments.");
        return Err(ServiceError::caller("OperationNotPermitted", message));
    }
    Err(attachment_not_found(&id))
}

pub fn attachment_not_found(id: &str) -> ServiceError {
    ServiceError::caller("InvalidAttachmentID.NotFound", format!("The attachment '{id}' does not exist"))
}
