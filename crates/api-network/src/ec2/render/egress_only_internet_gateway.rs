//! An egress-only internet gateway.

use state_model::ec2::EgressOnlyInternetGateway;
use wire_shapes_network::ec2 as wire;

use crate::ec2::tags;

pub fn egress_only_internet_gateway(gateway: &EgressOnlyInternetGateway) -> wire::EgressOnlyInternetGateway {
    wire::EgressOnlyInternetGateway {
        attachments: Some(vec![wire::InternetGatewayAttachment {
            state: Some(wire::AttachmentStatus::Attached),
            vpc_id: Some(gateway.vpc_id.clone()),
        }]),
        egress_only_internet_gateway_id: Some(gateway.id.clone()),
        tags: Some(tags::render(&gateway.tags)),
    }
}
