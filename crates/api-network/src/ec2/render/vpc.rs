//! A VPC.

use state_model::ec2::Vpc;
use wire_shapes_network::ec2 as wire;

use crate::ec2::tags;

pub fn vpc(vpc: &Vpc) -> wire::Vpc {
    wire::Vpc {
        cidr_block: Some(vpc.cidr_block.clone()),
        cidr_block_association_set: Some(vec![wire::VpcCidrBlockAssociation {
            association_id: Some(vpc.cidr_association_id.clone()),
            cidr_block: Some(vpc.cidr_block.clone()),
            cidr_block_state: Some(wire::VpcCidrBlockState {
                state: Some(wire::VpcCidrBlockStateCode::Associated),
                status_message: None,
            }),
        }]),
        dhcp_options_id: Some(vpc.dhcp_options_id.clone()),
        instance_tenancy: Some(wire::Tenancy::Default),
        is_default: Some(vpc.is_default),
        owner_id: Some(vpc.scope.account.clone()),
        state: Some(wire::VpcState::Available),
        tags: Some(tags::render(&vpc.tags)),
        vpc_id: Some(vpc.id.clone()),
        ..Default::default()
    }
}
