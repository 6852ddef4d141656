//! The agent's networks on a real kernel. Each test has a namespace of its own that stands for the host.

mod networks;
