//! The application load balancer over real sockets of the loopback interface.

mod errors;
mod http1;
mod http2;
mod rollout;
mod routing;
mod support;
