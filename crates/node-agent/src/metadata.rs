//! The endpoint at 169.254.170.2: task metadata (v2, v3, v4), statistics, credentials and scale-in protection.
//!
//! Who asks is known by the source address of the connection: an interface can't send from any other.

pub mod credentials;
pub mod document;
pub mod protection;
pub mod route;
pub mod server;
pub mod stats;
