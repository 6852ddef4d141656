//! One binary for all tests of the network services.

mod defaults;
mod elbv2;
mod flow_logs;
mod harness;
mod network_interfaces;
mod peering;
mod prefix_lists;
mod security_groups;
mod tags;
mod vpc_endpoints;
