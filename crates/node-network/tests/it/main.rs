//! The networks on a real kernel. Each test has a namespace of its own that stands for the host.

mod attach;
mod edges;
mod edges_listen;
mod recovery;
mod resolver;
mod security_groups;
mod services;
mod support;
mod teardown;
mod uplink;
