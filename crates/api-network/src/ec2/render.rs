//! Records as EC2 shows them.

pub mod dhcp_options;
pub mod egress_only_internet_gateway;
pub mod internet_gateway;
pub mod network_acl;
pub mod network_interface;
pub mod route_table;
pub mod security_group;
pub mod subnet;
pub mod vpc;
