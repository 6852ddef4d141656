//! Records of EC2's networking: VPCs, subnets, security groups, network interfaces, and what routes between them.

pub mod internet_gateway;
pub mod network_acl;
pub mod network_interface;
pub mod route_table;
pub mod security_group;
pub mod subnet;
pub mod vpc;

pub use internet_gateway::InternetGateway;
pub use network_acl::NetworkAcl;
pub use network_interface::NetworkInterface;
pub use route_table::RouteTable;
pub use security_group::SecurityGroup;
pub use subnet::Subnet;
pub use vpc::Vpc;
