//! An internet gateway.

use state_model::ec2::InternetGateway;
use wire_shapes_network::ec2 as wire;

use crate::ec2::tags;

/// An attachment's state as EC2 says it of gateways: a word that its other attachments don't have.
pub const ATTACHED: &str = "available";

pub fn internet_gateway(gateway: &InternetGateway) -> wire::InternetGateway {
    let attachment = |vpc_id: &String| wire::InternetGatewayAttachment {
        state: Some(wire::AttachmentStatus::from(ATTACHED)),
        vpc_id: Some(vpc_id.clone()),
    };
    wire::InternetGateway {
        attachments: Some(gateway.vpc_id.iter().map(attachment).collect()),
        internet_gateway_id: Some(gateway.id.clone()),
        owner_id: Some(gateway.scope.account.clone()),
        tags: Some(tags::render(&gateway.tags)),
    }
}
