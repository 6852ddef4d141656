//! One binary for all tests of the network services.

mod defaults;
mod elbv2;
mod harness;
mod network_interfaces;
mod security_groups;
mod tags;
