//! The networks on a real kernel. Each test has a namespace of its own that stands for the host.

mod attach;
mod edges;
mod nat_gateways;
mod public_addresses;
mod routes;
mod recovery;
mod resolver;
mod security_groups;
mod services;
mod support;
mod teardown;
mod uplink;
