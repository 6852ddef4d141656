//! The application load balancer: HTTP/1.1 and HTTP/2 from clients to targets.

mod body_decoder;
mod choose;
mod desync;
mod dice;
mod encode;
mod forwarded;
mod limits;
mod message;
mod output;
mod parse_request;
mod parse_response;
mod redirect;
pub mod rules;
mod sticky;
mod stream;
mod trace;
