//! The networks on a real kernel. Each test has a namespace of its own that stands for the host.

mod acls;
mod attach;
mod edges;
mod edges_listen;
mod flows;
mod fronts;
mod ipv6;
mod ipv6_lives_on;
mod ipv6_world;
mod nat_gateways;
mod peering;
mod prefix_lists;
mod public_addresses;
mod recovery;
mod resolver;
mod routes;
mod security_groups;
mod services;
mod support;
mod support_v6;
mod teardown;
mod uplink;
