//! Route netlink, spoken in process: one message costs some 20 µs where an `ip` process costs 2 ms.
//!
//! A socket belongs to the namespace it was made in, whichever thread uses it.

pub mod address;
pub mod conntrack;
pub mod link;
pub mod local_route;
pub mod message;
pub mod neighbour;
pub mod route;
pub mod rule;
pub mod socket;

pub use message::Batch;
pub use socket::Socket;
