//! Records of EC2's networking: VPCs, subnets, security groups, network interfaces, and what routes between them.

pub mod dhcp_options;
pub mod egress_only_internet_gateway;
pub mod elastic_ip;
pub mod flow_log;
pub mod in_place;
pub mod internet_gateway;
pub mod nat_gateway;
pub mod network_acl;
pub mod network_interface;
pub mod prefix_list;
pub mod public_address;
pub mod route_table;
pub mod security_group;
pub mod subnet;
pub mod vpc;
pub mod vpc_endpoint;
pub mod vpc_peering_connection;

pub use dhcp_options::DhcpOptions;
pub use egress_only_internet_gateway::EgressOnlyInternetGateway;
pub use elastic_ip::ElasticIp;
pub use flow_log::FlowLog;
pub use in_place::InPlace;
pub use internet_gateway::InternetGateway;
pub use nat_gateway::NatGateway;
pub use network_acl::NetworkAcl;
pub use network_interface::NetworkInterface;
pub use prefix_list::PrefixList;
pub use public_address::PublicAddress;
pub use route_table::RouteTable;
pub use security_group::SecurityGroup;
pub use subnet::Subnet;
pub use vpc::Vpc;
pub use vpc_endpoint::VpcEndpoint;
pub use vpc_peering_connection::VpcPeeringConnection;
