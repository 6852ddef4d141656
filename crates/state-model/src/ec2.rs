//! Records of EC2's networking: VPCs, subnets, security groups, network interfaces.

pub mod network_interface;
pub mod security_group;
pub mod subnet;
pub mod vpc;

pub use network_interface::NetworkInterface;
pub use security_group::SecurityGroup;
pub use subnet::Subnet;
pub use vpc::Vpc;
