//! One binary for all tests of the network services.

mod defaults;
mod dhcp_options;
mod dual_stack;
mod dual_stack_interfaces;
mod elastic_ips;
mod elbv2;
mod flow_logs;
mod gateways;
mod harness;
mod instances;
mod nat_gateways;
mod network_acls;
mod network_interfaces;
mod network_kit;
mod own_interfaces;
mod peering;
mod prefix_lists;
mod route_tables;
mod security_groups;
mod subnets;
mod tags;
mod vpc_endpoints;
mod vpcs;
