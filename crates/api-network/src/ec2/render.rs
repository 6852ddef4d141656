//! Records as EC2 shows them.

use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

pub mod dhcp_options;
pub mod egress_only_internet_gateway;
pub mod elastic_ip;
pub mod flow_log;
pub mod internet_gateway;
pub mod nat_gateway;
pub mod network_acl;
pub mod network_interface;
pub mod prefix_list;
pub mod route_table;
pub mod security_group;
pub mod subnet;
pub mod vpc;
pub mod vpc_endpoint;
pub mod vpc_peering_connection;

/// What an operation on several resources says of one that it refused.
pub fn unsuccessful(resource_id: &str, error: &ServiceError) -> wire::UnsuccessfulItem {
    wire::UnsuccessfulItem {
        error: Some(wire::UnsuccessfulItemError {
            code: Some(error.code.to_string()),
            message: Some(error.message.clone()),
        }),
        resource_id: Some(resource_id.to_owned()),
    }
}
